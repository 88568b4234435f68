//! What a job's output may hold, and what it must not be able to do with it.

use wilco_core::{Body, Envelope, EnvelopeKind, Messaging, Person};

use super::Stand;
use crate::mouths::surfaced;

/// Text that tries to notify somebody, to show something else than it says, or to break out of its place. `ANA`, `OPS`
/// and `CREW` are ids that are there.
const HOSTILE: &[&str] = &[
    "<!channel>",
    "<!here>",
    "<!everyone|ana>",
    "<!here|here> look",
    "<@ANA>",
    "<@ANA|nobody>",
    "<!subteam^CREW>",
    "<!subteam^CREW|@crew>",
    "@channel @here @everyone @ana",
    "<\u{200b}!channel>",
    "\\<!channel>",
    "&lt;!channel&gt;",
    "&amp;lt;!channel&amp;gt;",
    "&#60;!channel&#62;",
    "**<!channel>**",
    "_<@ANA>_",
    "~<@ANA>~",
    "`<@ANA>` <@ANA>",
    "``` <@ANA>",
    "```\n<@ANA>\n```\n<!channel>",
    "```\n```<!channel>```\n<@ANA>",
    "````\n```\n<!channel>\n````",
    "[<@ANA>](https://example.org)",
    "[<!channel>](https://example.org)",
    "[https://good.example](https://evil.example)",
    "[good>](https://evil.example)",
    "[a|b](https://evil.example|good.example)",
    "<https://evil.example|https://good.example>",
    "https://x.org/<!channel>?<@ANA>",
    "<https://x.org/<@ANA>>",
    "https://x.org/a|<!channel>",
    "> <@ANA>\n>>> <!channel>",
    "<#OPS> <#OPS|general>",
    "<!date^1772442000^{date}|never>",
    "<mailto:ana@example.org|ana>",
    "<!channel",
    "!channel>",
    "<<!channel>>",
    "<!chan\nnel>",
    "\u{202e}>lennahc!<",
    "<!ch\u{200d}annel>",
    ":<!channel>:",
    "{\"type\":\"mrkdwn\",\"text\":\"<!channel>\"}",
    "\\",
    "*_~`|<>#-[]()@:\\/&;",
];

#[tokio::test]
async fn no_text_notifies_anybody() {
    let stand = Stand::unhurried().await;
    let crew = stand.fake.add_group(&stand.team, "crew", &[&stand.ana]);
    let message = stand.posted(&stand.stub("k0")).await;
    for (at, text) in HOSTILE.iter().enumerate() {
        let text = text.replace("ANA", &stand.ana).replace("OPS", &stand.channel).replace("CREW", &crew);
        for plain in [false, true] {
            let body = Body { plain, ..Body::text(text.clone()) };
            stand.posted(&stand.envelope(&format!("k{at}-{plain}"), EnvelopeKind::Stub, body.clone())).await;
            let fill = Envelope { kind: EnvelopeKind::Content, ..stand.envelope("k0", EnvelopeKind::Content, body) };
            surfaced(stand.adapter.edit(&message, &fill).await);
            // Whoever is named by the name alone, which hostile text can be as well, is nobody.
            let named = Body { mention: Some(Person::new(text.clone(), text.clone())), ..Body::text("done") };
            stand.posted(&stand.envelope(&format!("p{at}-{plain}"), EnvelopeKind::Ping, named)).await;
        }
    }
    let shown = stand.shown();
    assert_eq!(shown.len(), 1 + 4 * HOSTILE.len());
    for message in &shown {
        assert!(message.notifies.is_empty() && !message.everyone, "{message:#?}");
        assert!(message.previews.is_empty(), "{message:#?}");
    }
    assert!(stand.fake.log().iter().all(|call| call.error.is_none()), "nothing was refused");
    stand.agrees();
}

/// What stands between angle brackets on the wire is a link of ours, to the address that a person reads or that the
/// markup names: nothing else in a text means anything to Slack.
#[tokio::test]
async fn no_text_is_read_as_something_else_than_it_says() {
    let stand = Stand::unhurried().await;
    for (at, text) in HOSTILE.iter().enumerate() {
        let text = text.replace("ANA", &stand.ana).replace("OPS", &stand.channel);
        stand.posted(&stand.envelope(&format!("k{at}"), EnvelopeKind::Content, Body::text(text.clone()))).await;
        let shown = stand.shown().pop().expect("it stands there");
        for inside in shown.raw.split('<').skip(1) {
            let (target, _) = inside.split_once('>').expect("every link ends");
            assert!(target.starts_with("https://"), "{text:?} became {:?}", shown.raw);
        }
        for words in ["channel", "here", "everyone", "subteam", "date", "mailto"] {
            assert!(!text.contains(words) || shown.text.contains(words), "{text:?} is read as {:?}", shown.text);
        }
    }
}

#[tokio::test]
async fn text_without_markup_is_read_as_it_was_written() {
    let stand = Stand::unhurried().await;
    let texts = [
        "<!channel> <@U0> <#C0> &lt;&gt;&amp; a & b",
        "snake_case_name, 2 * 3 * 4, ~/home, a*b*c",
        "*.rs and _private and ~gone~ and `tick",
        "> no quote\n>>> nor this",
        "14:02:33 :wave: :+1: a:b:c",
        "if (a < b && c > d) { return; }",
        "# no heading\n- a list\n1. of things",
        "\u{202e}gnp.exe e\u{301}\u{301} \u{1f980}",
        "C:\\path\\to\\<file>",
        "user@example.org, #general, @ana",
    ];
    for (at, text) in texts.into_iter().enumerate() {
        stand.posted(&stand.envelope(&format!("k{at}"), EnvelopeKind::Content, Body::text(text))).await;
        let shown = stand.shown().pop().expect("it stands there");
        assert_eq!(shown.text.replace('\u{200b}', ""), text);
    }
    stand.agrees();
}

#[tokio::test]
async fn addresses_are_links_to_themselves_and_show_no_preview() {
    let stand = Stand::unhurried().await;
    for (at, (text, raw)) in [
        ("see https://x.org/a_b?c=1&d=2.", "see <https://x.org/a_b?c=1&amp;d=2>."),
        ("[the log](https://x.org/log)", "<https://x.org/log|the log>"),
        ("(https://x.org)", "(<https://x.org>)"),
        ("https://x.org/picture.png", "<https://x.org/picture.png>"),
    ]
    .into_iter()
    .enumerate()
    {
        stand.posted(&stand.envelope(&format!("k{at}"), EnvelopeKind::Content, Body::text(text))).await;
        let shown = stand.shown().pop().expect("it stands there");
        assert_eq!((shown.raw.as_str(), shown.previews.len()), (raw, 0));
    }
    stand.agrees();
}
