//! The drawer that an adapter is given.

use async_trait::async_trait;
use wilco_core::shelf::ShelfError;
use wilco_core::{AccountId, Shelf};
use wilco_store::changes::{ShelfGet, ShelfPut, ShelfPutNew, ShelfRemove, ShelfScan};
use wilco_store::{Store, StoreError};

/// One account's drawer in the store.
#[derive(Clone)]
pub struct StoreShelf {
    store: Store,
    account: AccountId,
}

impl StoreShelf {
    /// The drawer of an account.
    pub fn new(store: Store, account: AccountId) -> Self {
        Self { store, account }
    }
}

fn shelf_error(error: StoreError) -> ShelfError {
    ShelfError(error.to_string())
}

#[async_trait]
impl Shelf for StoreShelf {
    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        let query = ShelfGet { account: self.account.clone(), key: key.to_owned() };
        self.store.read(query).await.map_err(shelf_error)
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), ShelfError> {
        let change = ShelfPut { account: self.account.clone(), key: key.to_owned(), value: value.to_owned() };
        self.store.write(change).await.map_err(shelf_error)
    }

    async fn put_new(&self, key: &str, value: &str) -> Result<bool, ShelfError> {
        let change = ShelfPutNew { account: self.account.clone(), key: key.to_owned(), value: value.to_owned() };
        self.store.write(change).await.map_err(shelf_error)
    }

    async fn remove(&self, key: &str) -> Result<(), ShelfError> {
        let change = ShelfRemove { account: self.account.clone(), key: key.to_owned() };
        self.store.write(change).await.map_err(shelf_error)
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, String)>, ShelfError> {
        let query = ShelfScan {
            account: self.account.clone(),
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            limit,
        };
        self.store.read(query).await.map_err(shelf_error)
    }
}
