//! What a job's output may hold, and what it must not be able to do with it.

use wilco_core::{Body, DeliveryOutcome, Envelope, EnvelopeKind, Messaging, NotSurfaced};

use super::Stand;
use crate::mouths::surfaced;

/// Text that tries to notify somebody, to show something else than it says, or to break out of its place. `ANA` is the
/// id of somebody who is there.
const HOSTILE: &[&str] = &[
    "@everyone",
    "@here look",
    "@\u{200b}everyone",
    "<@ANA>",
    "<@!ANA>",
    "<@&ANA>",
    "\\<@ANA>",
    "\\\\<@ANA>",
    "**<@ANA>**",
    "_<@ANA>_",
    "||<@ANA>||",
    "[<@ANA>](https://example.org)",
    "[@everyone](https://example.org)",
    "[https://good.example](https://evil.example)",
    "`<@ANA>` <@ANA>",
    "``` <@ANA>",
    "```\n<@ANA>\n```\n@everyone",
    "```\n```@everyone```\n<@ANA>",
    "````\n```\n@everyone\n````",
    "`` ` `` @here",
    "> <@ANA>\n>>> @everyone",
    "# @everyone\n-# <@ANA>",
    "- <@ANA>\n1. @here",
    "https://x.org/@everyone?<@ANA>",
    "<https://x.org/<@ANA>>",
    "<#1> <id:customize> </run:1> <t:0:R> <a:x:1>",
    "@everyone@everyone @here@here",
    "\u{202e}enoyreve@",
    "@ev\u{200d}eryone",
    "<@\u{200b}ANA>",
    "{\"parse\":[\"everyone\"]}",
    "\\",
    "*_~`|<>#-[]()@:\\/",
];

#[tokio::test]
async fn no_text_notifies_anybody() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k0")).await;
    for (at, text) in HOSTILE.iter().enumerate() {
        let text = text.replace("ANA", &stand.ana.to_string());
        for plain in [false, true] {
            let body = Body { plain, ..Body::text(text.clone()) };
            let fresh = stand.envelope(&format!("k{at}-{plain}"), EnvelopeKind::Stub, body.clone());
            match stand.adapter.post(&fresh).await {
                DeliveryOutcome::Surfaced(_) => {}
                DeliveryOutcome::NotSurfaced(NotSurfaced::RetryAfter { delay, .. }) => {
                    stand.passes(delay);
                    surfaced(stand.adapter.post(&fresh).await);
                }
                DeliveryOutcome::NotSurfaced(reason) => panic!("{text:?}: {reason:?}"),
            }
            let fill = Envelope { kind: EnvelopeKind::Content, ..stand.envelope("k0", EnvelopeKind::Content, body) };
            if let DeliveryOutcome::NotSurfaced(reason) = stand.adapter.edit(&message, &fill).await {
                let NotSurfaced::RetryAfter { delay, .. } = reason else { panic!("{text:?}: {reason:?}") };
                stand.passes(delay);
                surfaced(stand.adapter.edit(&message, &fill).await);
            }
        }
    }
    let shown = stand.shown();
    assert_eq!(shown.len(), 1 + 2 * HOSTILE.len());
    for message in &shown {
        assert!(message.notifies.is_empty() && !message.everyone, "{message:#?}");
        assert!(message.previews.is_empty(), "{message:#?}");
    }
    assert!(stand.fake.log().iter().all(|call| call.code.is_none()), "nothing was refused");
    stand.agrees();
}
