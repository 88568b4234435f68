//! What an envelope looks like on Slack: the arguments of creates and edits.

use serde_json::Value;
use wilco_core::text::{Split, Unit, cut, split};
use wilco_core::{Address, Body, Cause, Envelope, EnvelopeKind, NotSurfaced, Person};

use crate::blocks::{self, Part, SECTION, SECTIONS, UNIT};
pub(crate) use crate::ids::{is_channel, is_person};
use crate::outcome::{Act, Called};
use crate::render::{NOTHING, entities, escaped, render, unmarked};
use crate::rest::{Call, Lane, Method};

/// The longest text of one message: what one section holds in its plainest form.
pub(crate) const TEXT: usize = SECTION;
/// The longest text for notifications and screen readers, which stands beside the blocks. Slack advises 4,000.
const SUMMARY: usize = 3_000;

/// Whether this is the `ts` of a message: seconds, a point, and what tells apart the messages of a second.
fn is_ts(ts: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.len() <= 16 && part.bytes().all(|byte| byte.is_ascii_digit());
    ts.split_once('.').is_some_and(|(seconds, rest)| digits(seconds) && digits(rest))
}

/// The channel and the thread of an address.
///
/// # Errors
/// They are none of Slack's, so nobody can ever write there.
pub(crate) fn place(address: &Address) -> Result<(&str, Option<&str>), NotSurfaced> {
    let gone = |code: &str, words: &str| Err(NotSurfaced::Gone(Cause::new(code, words)));
    if !is_channel(&address.channel) {
        return gone("unknown_channel", "this is no id of a Slack channel");
    }
    match address.thread.as_deref() {
        Some(thread) if !is_ts(thread) => gone("unknown_thread", "this is no thread of Slack's"),
        thread => Ok((address.channel.as_str(), thread)),
    }
}

/// How urgent an envelope is. A progress edit may be lost; a ping carries nothing.
pub(crate) fn lane(kind: EnvelopeKind) -> Lane {
    match kind {
        EnvelopeKind::Progress => Lane::Progress,
        EnvelopeKind::Ping => Lane::Normal,
        EnvelopeKind::Stub | EnvelopeKind::Question => Lane::Reserved,
        EnvelopeKind::Content | EnvelopeKind::Part | EnvelopeKind::File => Lane::Terminal,
    }
}

/// What the outcome of sending an envelope depends on.
pub(crate) fn called(envelope: &Envelope, act: Act) -> Called {
    Called { act, lane: lane(envelope.kind) }
}

/// What a message shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// Its texts, one section each.
    pub(crate) parts: Vec<Part>,
    /// The same for notifications and screen readers.
    pub(crate) summary: String,
    /// Its markup had to go to make it fit.
    pub(crate) unmarked: bool,
}

/// What a body shows: the mention, then the text.
///
/// # Errors
/// It is too long in every form, or there is nothing to show.
pub(crate) fn content(body: &Body) -> Result<Content, NotSurfaced> {
    let too_long = || NotSurfaced::Reshape(Cause::new("too_long", format!("more than {TEXT} characters")));
    if !UNIT.fits(&body.text, TEXT) {
        return Err(too_long());
    }
    let text = match (&body.file, is_blank(&body.text)) {
        (Some(file), true) => file.name.as_str(),
        (Some(_) | None, _) => body.text.as_str(),
    };
    let mention = body.mention.as_ref().map(mention);
    if is_blank(text) && mention.is_none() {
        return Err(NotSurfaced::Reshape(Cause::new("no_text", "there is nothing to show")));
    }
    let summary = summary(text, body.plain, mention.as_deref());
    if !body.plain
        && let Some(parts) = marked(text, mention.as_deref())
    {
        return Ok(Content { parts, summary, unmarked: false });
    }
    // Text that is nothing but markup is shown as it was written.
    let plain = if body.plain { None } else { Some(unmarked(text)).filter(|plain| !is_blank(plain)) };
    let plain = plain.unwrap_or_else(|| text.to_owned());
    if !UNIT.fits(&plain, SECTION) {
        return Err(too_long());
    }
    // A text without markup cannot mention anybody, so the mention gets a section of its own.
    let mut parts: Vec<Part> = mention.into_iter().map(Part::Marked).collect();
    if !is_blank(&plain) {
        parts.push(Part::Plain(plain));
    }
    Ok(Content { parts, summary, unmarked: !body.plain })
}

/// Whether a text shows nothing, which Slack refuses.
fn is_blank(text: &str) -> bool {
    text.chars().all(|letter| letter.is_whitespace() || letter == NOTHING)
}

/// The mention of a person, or the name where the id is none of Slack's.
fn mention(person: &Person) -> String {
    if is_person(&person.id) { format!("<@{}>", person.id) } else { escaped(&format!("@{}", person.name)) }
}

/// So long are the pieces of a text before its escapes, one try after the other: whole, then in more and more sections.
const PIECES: [usize; 4] = [TEXT, TEXT / 2, TEXT / 3, 800];

/// A text in as few sections as its escapes allow; none where they are too many.
fn marked(text: &str, mention: Option<&str>) -> Option<Vec<Part>> {
    PIECES.into_iter().find_map(|limit| {
        let Split::Parts(parts) = split(text, limit, UNIT, SECTIONS) else { return None };
        let rendered = parts.iter().enumerate().map(|(at, part)| match mention.filter(|_| at == 0) {
            Some(mention) => format!("{mention} {}", render(part)).trim_end().to_owned(),
            None => render(part),
        });
        let rendered: Vec<String> = rendered.filter(|part| !is_blank(part)).collect();
        let fits = !rendered.is_empty() && rendered.iter().all(|part| UNIT.fits(part, SECTION));
        fits.then(|| rendered.into_iter().map(Part::Marked).collect())
    })
}

/// The text beside the blocks. It is read as mrkdwn, so it is escaped; it is cut where that makes it too long.
fn summary(text: &str, plain: bool, mention: Option<&str>) -> String {
    let bare = if plain { text.to_owned() } else { unmarked(text) };
    let with = |text: &str| match mention {
        Some(mention) => format!("{mention} {}", entities(text)),
        None => entities(text),
    };
    let whole = with(&bare);
    // An escape takes five letters at most.
    if UNIT.fits(&whole, SUMMARY) { whole } else { with(&cut(&bare, SUMMARY / 6, Unit::Utf16)) }
}

/// The call that creates a message.
pub(crate) fn create(envelope: &Envelope, content: &Content, at: (&str, Option<&str>)) -> Call {
    let call = Call::new(Method::PostMessage, lane(envelope.kind)).with("channel", at.0).with_some("thread_ts", at.1);
    shown(call, envelope, content).with("unfurl_links", false).with("unfurl_media", false)
}

/// The call that replaces everything that a message shows. The list of files is whole, so that repeating the edit
/// leaves one file, and an edit without a file leaves none.
pub(crate) fn edit(envelope: &Envelope, content: &Content, channel: &str, ts: &str, file: Option<&str>) -> Call {
    let files: Vec<Value> = file.into_iter().map(Value::from).collect();
    let call = Call::new(Method::Update, lane(envelope.kind)).with("channel", channel).with("ts", ts);
    shown(call, envelope, content).with("file_ids", files)
}

/// What creates and edits have in common. Nothing is made into a mention or a link by Slack itself.
fn shown(call: Call, envelope: &Envelope, content: &Content) -> Call {
    call.with("text", content.summary.as_str())
        .with("blocks", blocks::blocks(&content.parts, &envelope.body.buttons, &envelope.key))
        .with("metadata", blocks::metadata(&envelope.key))
        .with("parse", "none")
        .with("link_names", false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use wilco_core::{Button, DeliveryKey, Press};

    use super::*;

    fn envelope(body: Body) -> Envelope {
        Envelope {
            kind: EnvelopeKind::Ping,
            ..Envelope::plain(Address::channel("slack", "C12").in_thread("17.5"), DeliveryKey::new("k1"), body)
        }
    }

    fn created(envelope: &Envelope) -> Value {
        let content = content(&envelope.body).unwrap();
        Value::Object(create(envelope, &content, place(&envelope.address).unwrap()).arguments)
    }

    fn edited(envelope: &Envelope, file: Option<&str>) -> Value {
        let content = content(&envelope.body).unwrap();
        Value::Object(edit(envelope, &content, "C12", "18.1", file).arguments)
    }

    fn texts(body: &Body) -> Vec<String> {
        content(body).unwrap().parts.iter().map(|part| part.text().to_owned()).collect()
    }

    #[test]
    fn a_create_carries_its_key_and_previews_and_notifies_nothing() {
        let body = Body::text("@here <@U5> On it").with_buttons(vec![Button::new("Stop", Press::StopHere)]);
        let made = created(&envelope(body));
        assert_eq!(made["metadata"], json!({"event_type": "wilco_delivery", "event_payload": {"k": "k1"}}));
        assert_eq!(made["blocks"][0]["block_id"], json!("w|k1|0"));
        assert_eq!(made["blocks"][1]["elements"][0]["action_id"], json!("s:here|k1|1.0"));
        assert_eq!((&made["channel"], &made["thread_ts"]), (&json!("C12"), &json!("17.5")));
        assert_eq!((&made["parse"], &made["link_names"]), (&json!("none"), &json!(false)));
        assert_eq!((&made["unfurl_links"], &made["unfurl_media"]), (&json!(false), &json!(false)));
        assert_eq!(made["text"], json!("@here &lt;@U5&gt; On it"));
        assert_eq!(made["blocks"][0]["text"]["text"], json!("@here &lt;@U5&gt; On it"));
    }

    #[test]
    fn an_edit_names_every_file_and_stays_where_it_is() {
        let bare = edited(&envelope(Body::text("Done")), None);
        assert_eq!((&bare["file_ids"], &bare["ts"]), (&json!([]), &json!("18.1")));
        assert_eq!(bare.get("thread_ts"), None);
        assert_eq!(bare.get("unfurl_links"), None, "an edit takes no such argument");
        assert_eq!(bare["blocks"].as_array().unwrap().len(), 1, "no buttons are left");
        assert_eq!(edited(&envelope(Body::text("File")), Some("F1"))["file_ids"], json!(["F1"]));
    }

    #[test]
    fn only_the_person_of_a_ping_is_mentioned() {
        let ping = |id: &str, name: &str| Body { mention: Some(Person::new(id, name)), ..Body::text("done <@U8>") };
        assert_eq!(texts(&ping("U77", "ana")), ["<@U77> done &lt;@U8&gt;"]);
        assert_eq!(texts(&ping("!channel", "<!channel>")), ["@&lt;!channel&gt; done &lt;@U8&gt;"]);
        let plain = Body { plain: true, ..ping("U77", "ana") };
        let made = content(&plain).unwrap();
        assert_eq!(made.parts, [Part::Marked("<@U77>".into()), Part::Plain("done <@U8>".into())]);
        assert_eq!(made.summary, "<@U77> done &lt;@U8&gt;");
    }

    #[test]
    fn escapes_take_more_sections_before_markup_gives_way() {
        let short = content(&Body::text("a < b")).unwrap();
        assert_eq!((short.parts.len(), short.unmarked), (1, false));
        let line = "if a < b && c > d { e() }\n";
        let long = content(&Body::text(line.repeat(TEXT / line.len()))).unwrap();
        assert!(long.parts.len() > 1 && !long.unmarked, "{}", long.parts.len());
        assert!(long.parts.iter().all(|part| UNIT.fits(part.text(), SECTION)));
        let shown: String = long.parts.iter().map(|part| part.text()).collect();
        assert_eq!(shown.matches("e()").count(), TEXT / line.len(), "nothing is lost");
        // Six letters for each of them: too much for any number of sections.
        let hostile = content(&Body::text("*".repeat(TEXT))).unwrap();
        assert!(hostile.parts.len() > 1 || hostile.unmarked);
        assert!(UNIT.fits(&long.summary, SUMMARY) && UNIT.fits(&hostile.summary, SUMMARY));
    }

    #[test]
    fn what_is_too_long_or_empty_is_no_message() {
        let code = |body: &Body| match content(body) {
            Err(NotSurfaced::Reshape(cause)) => cause.code,
            other => panic!("{other:?}"),
        };
        assert!(content(&Body::text("x".repeat(TEXT))).is_ok());
        assert_eq!(code(&Body::text("x".repeat(TEXT + 1))), "too_long");
        assert_eq!(code(&Body::text("\u{1F914}".repeat(TEXT / 2 + 1))), "too_long");
        for blank in ["", " ", "\n\n", "\u{200b}"] {
            assert_eq!(code(&Body::text(blank)), "no_text");
        }
        let full = Body { mention: Some(Person::new("U77", "ana")), ..Body::text("x".repeat(TEXT)) };
        assert!(content(&full).is_ok_and(|content| content.parts.len() == 2));
        let file = wilco_core::FileRef { name: "a.txt".into(), path: "/a".into(), size: 1 };
        assert_eq!(texts(&Body { file: Some(file), ..Body::text("") }), ["a.txt"]);
    }

    #[test]
    fn what_is_plain_stands_as_it_was_written() {
        let body = Body { plain: true, ..Body::text("**a** <b> `c`") };
        assert_eq!(content(&body).unwrap().parts, [Part::Plain("**a** <b> `c`".into())]);
        assert!(!content(&body).unwrap().unmarked, "that was asked for");
    }

    #[test]
    fn places_are_ids_of_slacks() {
        for good in ["C024BE91L", "G1", "D0A"] {
            assert_eq!(place(&Address::channel("slack", good)), Ok((good, None)));
        }
        for odd in ["", "C", "general", "#ops", "U12", "C12 ", "c12", "C1/../2"] {
            assert!(matches!(place(&Address::channel("slack", odd)), Err(NotSurfaced::Gone(_))), "{odd}");
        }
        assert_eq!(place(&Address::channel("slack", "C1").in_thread("1.2")), Ok(("C1", Some("1.2"))));
        for odd in ["", "1", "1.", ".2", "1.2.3", "-1.2", "1.x"] {
            let address = Address::channel("slack", "C1").in_thread(odd);
            assert!(matches!(place(&address), Err(NotSurfaced::Gone(_))), "{odd}");
        }
        assert!(is_person("U1") && is_person("W1") && !is_person("B1") && !is_person("<!here>"));
    }

    proptest! {
        #[test]
        fn every_text_that_is_not_too_long_fits(text in "([*_~`<>&:\n ]|[a-z\\PC]|`{3}\n){0,400}", plain: bool) {
            let text = wilco_core::text::head(&text, TEXT, UNIT);
            match content(&Body { plain, ..Body::text(text.clone()) }) {
                Ok(content) => {
                    prop_assert!(!content.parts.is_empty() && content.parts.len() <= SECTIONS);
                    prop_assert!(content.parts.iter().all(|part| UNIT.fits(part.text(), SECTION)));
                    prop_assert!(content.parts.iter().all(|part| !is_blank(part.text())));
                    prop_assert!(UNIT.fits(&content.summary, SUMMARY));
                }
                Err(NotSurfaced::Reshape(cause)) => prop_assert_eq!(cause.code, "no_text"),
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
