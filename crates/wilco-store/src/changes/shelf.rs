//! The drawers of the adapters.

use async_trait::async_trait;
use wilco_core::AccountId;

use crate::engine::{Change, Tx, args};
use crate::error::StoreError;

const GET: &str = "SELECT value FROM shelf WHERE account = $1 AND key = $2";
const PUT: &str = "INSERT INTO shelf (account, key, value) VALUES ($1, $2, $3) \
                   ON CONFLICT (account, key) DO UPDATE SET value = excluded.value";
const PUT_NEW: &str =
    "INSERT INTO shelf (account, key, value) VALUES ($1, $2, $3) ON CONFLICT (account, key) DO NOTHING";
const REMOVE: &str = "DELETE FROM shelf WHERE account = $1 AND key = $2";
const SCAN: &str = "SELECT key, value FROM shelf WHERE account = $1 AND key > $2 AND key >= $3 AND key < $4 \
                    ORDER BY key LIMIT $5";

macro_rules! shelf_change {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* } -> $out:ty, $words:literal, |$this:ident, $tx:ident| $body:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            /// Whose drawer.
            pub account: AccountId,
            $(#[doc = concat!("The ", stringify!($field), ".")] pub $field: $type,)*
        }

        #[async_trait]
        impl Change for $name {
            type Out = $out;

            fn name(&self) -> &'static str {
                $words
            }

            async fn apply(&self, $tx: &mut Tx<'_>) -> Result<$out, StoreError> {
                let $this = self;
                $body
            }
        }
    };
}

shelf_change!(
    /// Reads one value.
    ShelfGet { key: String } -> Option<String>, "shelf_get",
    |this, tx| match tx.row(GET, args![&this.account, this.key.as_str()]).await? {
        Some(row) => Ok(Some(row.text("value")?)),
        None => Ok(None),
    }
);
shelf_change!(
    /// Sets one value.
    ShelfPut { key: String, value: String } -> (), "shelf_put",
    |this, tx| {
        tx.run(PUT, args![&this.account, this.key.as_str(), this.value.as_str()]).await?;
        Ok(())
    }
);
shelf_change!(
    /// Sets one value where there is none; answers whether it did.
    ShelfPutNew { key: String, value: String } -> bool, "shelf_put_new",
    |this, tx| Ok(tx.run(PUT_NEW, args![&this.account, this.key.as_str(), this.value.as_str()]).await? == 1)
);
shelf_change!(
    /// Removes one value.
    ShelfRemove { key: String } -> (), "shelf_remove",
    |this, tx| {
        tx.run(REMOVE, args![&this.account, this.key.as_str()]).await?;
        Ok(())
    }
);
shelf_change!(
    /// Reads a range of values.
    ShelfScan { prefix: String, after: Option<String>, limit: u32 } -> Vec<(String, String)>, "shelf_scan",
    |this, tx| {
        let after = this.after.clone().unwrap_or_default();
        // Everything with the prefix sorts before the prefix followed by the last code point.
        let end = format!("{}\u{10FFFF}", this.prefix);
        let rows = tx.rows(SCAN, args![&this.account, after, this.prefix.as_str(), end, this.limit]).await?;
        rows.iter().map(|row| Ok((row.text("key")?, row.text("value")?))).collect()
    }
);
