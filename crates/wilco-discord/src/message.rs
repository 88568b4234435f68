//! What an envelope looks like on Discord: the bodies of creates and edits.

use std::io::ErrorKind;
use std::num::NonZeroU64;

use serenity::builder::{CreateAllowedMentions, CreateAttachment, CreateMessage, EditAttachments, EditMessage};
use serenity::http::{LightMethod, Route};
use serenity::model::channel::{MessageFlags, MessageReference, Nonce};
use serenity::model::id::{ChannelId, MessageId, UserId};
use wilco_core::text::Unit;
use wilco_core::{Address, Body, Cause, Envelope, EnvelopeKind, FileRef, MessageRef, NotSurfaced};

use crate::components;
use crate::discord::{FILE, TEXT};
use crate::outcome::{Act, Called};
use crate::render::{render, unmarked};
use crate::rest::{Call, Kind, Lane, Upload};

/// The number of a thing on Discord, where a text is one.
pub(crate) fn number(text: &str) -> Option<NonZeroU64> {
    text.parse().ok()
}

/// The channel that takes the messages of an address: its thread is a channel of its own.
pub(crate) fn channel(address: &Address) -> Option<ChannelId> {
    number(address.thread.as_ref().unwrap_or(&address.channel)).map(ChannelId::from)
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
    Called { act, lane: lane(envelope.kind), plain: envelope.body.plain }
}

/// The text of a message as it travels, and whether its markup had to go to make it fit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) unmarked: bool,
}

/// The text of a body: the mention, then the text.
///
/// # Errors
/// It is too long in every form.
pub(crate) fn content(body: &Body) -> Result<Content, NotSurfaced> {
    let too_long = || NotSurfaced::Reshape(Cause::new("too_long", format!("more than {TEXT} characters")));
    if !Unit::Chars.fits(&body.text, TEXT) {
        return Err(too_long());
    }
    let mention = match &body.mention {
        Some(person) if number(&person.id).is_some() => format!("<@{}> ", person.id),
        Some(person) => format!("{} ", render(&format!("@{}", person.name), true)),
        None => String::new(),
    };
    let text = format!("{mention}{}", render(&body.text, body.plain));
    if Unit::Chars.fits(&text, TEXT) {
        return Ok(Content { text, unmarked: false });
    }
    let text = format!("{mention}{}", unmarked(&body.text, body.plain));
    if Unit::Chars.fits(&text, TEXT) { Ok(Content { text, unmarked: true }) } else { Err(too_long()) }
}

/// Reads the file of a body.
///
/// # Errors
/// It is too large, or not there any more; or it cannot be read at the moment.
pub(crate) async fn upload(file: Option<&FileRef>) -> Result<Vec<Upload>, NotSurfaced> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let too_large = || NotSurfaced::Reshape(Cause::new("file_too_large", format!("more than {FILE} bytes")));
    if file.size > FILE {
        return Err(too_large());
    }
    let unreadable = |error: std::io::Error| {
        let cause = Cause::new("file_unreadable", format!("{}: {error}", file.name));
        // It will not come back; its message says where the result is kept.
        let lost = [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::IsADirectory].contains(&error.kind());
        if lost { NotSurfaced::Reshape(cause) } else { NotSurfaced::Retry(cause) }
    };
    // What was noted when the file was stored need not be true any more.
    if tokio::fs::metadata(&file.path).await.map_err(unreadable)?.len() > FILE {
        return Err(too_large());
    }
    let bytes = tokio::fs::read(&file.path).await.map_err(unreadable)?;
    let name = if file.name.trim().is_empty() { "file".to_owned() } else { file.name.clone() };
    Ok(vec![Upload { id: 0, name, bytes }])
}

/// Nobody is notified.
fn nobody() -> CreateAllowedMentions {
    CreateAllowedMentions::new().replied_user(false)
}

/// The message that a create answers, when it stands in the same channel: Discord takes no other.
pub(crate) fn reference(envelope: &Envelope) -> Option<MessageReference> {
    let answered: &MessageRef = envelope.reply_to.as_ref()?;
    let channel = channel(&envelope.address)?;
    if self::channel(&answered.address) != Some(channel) {
        return None;
    }
    let message = MessageId::from(number(&answered.message)?);
    Some(MessageReference::from((channel, message)).fail_if_not_exists(false))
}

/// The call that creates a message.
pub(crate) fn create(
    envelope: &Envelope,
    channel: ChannelId,
    text: &str,
    files: Vec<Upload>,
    reference: Option<MessageReference>,
) -> Result<Call<'static>, NotSurfaced> {
    let mut mentions = nobody();
    if let Some(person) = envelope.body.mention.as_ref().and_then(|person| number(&person.id)) {
        mentions = mentions.users([UserId::from(person)]);
    }
    let mut message = CreateMessage::new()
        .content(text)
        .allowed_mentions(mentions)
        .flags(MessageFlags::SUPPRESS_EMBEDS)
        .components(components::rows(&envelope.body.buttons, &envelope.key))
        .nonce(Nonce::String(components::nonce(&envelope.key)))
        .enforce_nonce(true);
    for file in &files {
        message = message.add_file(attachment(file));
    }
    if let Some(reference) = reference {
        message = message.reference_message(reference);
    }
    let call =
        Call::json(LightMethod::Post, Route::ChannelMessages { channel_id: channel }, &message, lane(envelope.kind));
    Ok(call.map_err(unwritable)?.of_kind(Kind::Create).with_files(files))
}

/// The call that replaces everything that a message shows. The list of files is whole, so that repeating the edit
/// leaves one file, and an edit without a file leaves none.
pub(crate) fn edit(
    envelope: &Envelope,
    channel: ChannelId,
    message: MessageId,
    text: &str,
    files: Vec<Upload>,
) -> Result<Call<'static>, NotSurfaced> {
    let attachments = files.iter().fold(EditAttachments::new(), |all, file| all.add(attachment(file)));
    let body = EditMessage::new()
        .content(text)
        .allowed_mentions(nobody())
        .flags(MessageFlags::SUPPRESS_EMBEDS)
        .components(components::rows(&envelope.body.buttons, &envelope.key))
        .attachments(attachments);
    let route = Route::ChannelMessage { channel_id: channel, message_id: message };
    let call = Call::json(LightMethod::Patch, route, &body, lane(envelope.kind));
    Ok(call.map_err(unwritable)?.of_kind(Kind::Edit).with_files(files))
}

/// A file as the list of attachments names it; its bytes travel beside.
fn attachment(file: &Upload) -> CreateAttachment {
    CreateAttachment::bytes(Vec::new(), &file.name)
}

fn unwritable(error: serde_json::Error) -> NotSurfaced {
    NotSurfaced::Bug(Cause::new("unwritable", error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wilco_core::{Button, DeliveryKey, Person, Press};

    use super::*;

    fn envelope(body: Body) -> Envelope {
        Envelope {
            kind: EnvelopeKind::Ping,
            ..Envelope::plain(Address::channel("discord", "12"), DeliveryKey::new("k1"), body)
        }
    }

    fn json_of(call: &Call<'_>) -> Value {
        serde_json::from_slice(call.request.body_ref().unwrap()).unwrap()
    }

    fn created(envelope: &Envelope) -> Value {
        let text = content(&envelope.body).unwrap().text;
        json_of(&create(envelope, ChannelId::new(12), &text, Vec::new(), reference(envelope)).unwrap())
    }

    fn edited(envelope: &Envelope, files: Vec<Upload>) -> Value {
        let text = content(&envelope.body).unwrap().text;
        json_of(&edit(envelope, ChannelId::new(12), MessageId::new(9), &text, files).unwrap())
    }

    #[test]
    fn a_create_is_recognised_by_its_key_and_notifies_nobody() {
        let body = Body::text("@everyone <@5> <@&6> On it").with_buttons(vec![Button::new("Stop", Press::StopHere)]);
        let made = created(&envelope(body));
        assert_eq!((&made["nonce"], &made["enforce_nonce"]), (&json!("k1"), &json!(true)));
        assert_eq!(made["allowed_mentions"], json!({"parse": [], "users": [], "roles": [], "replied_user": false}));
        assert_eq!(made["flags"], json!(4), "no previews");
        assert_eq!(made["components"][0]["components"][0]["custom_id"], json!("s:here|k1|0"));
        assert_eq!(made.get("message_reference"), None);
    }

    #[test]
    fn only_the_person_of_a_ping_is_notified_and_only_by_its_create() {
        let body = Body { mention: Some(Person::new("77", "ana")), ..Body::text("done <@88> @everyone") };
        let made = created(&envelope(body.clone()));
        assert_eq!(made["allowed_mentions"]["users"], json!(["77"]));
        assert_eq!(made["allowed_mentions"]["parse"], json!([]));
        assert!(made["content"].as_str().unwrap().starts_with("<@77> done \\<@88>"), "{made}");
        assert_eq!(edited(&envelope(body), Vec::new())["allowed_mentions"]["users"], json!([]));
        let odd = Body { mention: Some(Person::new("@everyone", "@everyone")), ..Body::text("done") };
        let made = created(&envelope(odd));
        assert_eq!(made["allowed_mentions"]["users"], json!([]));
        assert!(!made["content"].as_str().unwrap().contains("@everyone"));
    }

    #[test]
    fn an_edit_names_every_file_and_every_button() {
        let bare = edited(&envelope(Body::text("Done")), Vec::new());
        assert_eq!((&bare["attachments"], &bare["components"]), (&json!([]), &json!([])));
        assert_eq!(bare["allowed_mentions"]["parse"], json!([]));
        let file = Upload { id: 0, name: "a.txt".into(), bytes: b"x".to_vec() };
        let with = edited(&envelope(Body::text("File")), vec![file]);
        assert_eq!(with["attachments"], json!([{"id": 0, "filename": "a.txt", "description": null}]));
    }

    #[test]
    fn a_reply_does_not_fail_with_what_it_answers() {
        let answered = |address, message: &str| MessageRef { address, message: message.to_owned() };
        let here = envelope(Body::text("x"));
        let reply = |to| created(&Envelope { reply_to: Some(to), ..here.clone() });
        let made = reply(answered(here.address.clone(), "9"));
        assert_eq!(made["message_reference"]["fail_if_not_exists"], json!(false));
        assert_eq!(made["message_reference"]["message_id"], json!("9"));
        for (address, id) in [
            (here.address.clone(), "none"),
            (here.address.clone(), "0"),
            (here.address.clone().in_thread("13"), "9"),
            (Address::channel("discord", "14"), "9"),
        ] {
            assert_eq!(reply(answered(address, id)).get("message_reference"), None);
        }
    }

    #[test]
    fn a_thread_is_a_channel_of_its_own() {
        let address = Address::channel("discord", "12");
        assert_eq!(channel(&address), Some(ChannelId::new(12)));
        assert_eq!(channel(&address.clone().in_thread("13")), Some(ChannelId::new(13)));
        for odd in ["", "0", "ops", "-1", "99999999999999999999999"] {
            assert_eq!(channel(&Address::channel("discord", odd)), None, "{odd}");
        }
    }

    #[test]
    fn markup_gives_way_before_text_does() {
        let short = content(&Body::text("a_b")).unwrap();
        assert_eq!(short, Content { text: "a\\_b".to_owned(), unmarked: false });
        let starred = "*".repeat(TEXT);
        let long = content(&Body::text(starred.clone())).unwrap();
        assert_eq!(long, Content { text: starred, unmarked: true });
        assert!(matches!(content(&Body::text("x".repeat(TEXT + 1))), Err(NotSurfaced::Reshape(_))));
        let full = Body { mention: Some(Person::new("77", "ana")), ..Body::text("x".repeat(TEXT)) };
        assert!(matches!(content(&full), Err(NotSurfaced::Reshape(_))));
    }

    #[tokio::test]
    async fn a_file_is_looked_at_before_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        std::fs::write(&path, b"abc").unwrap();
        let file = FileRef { name: "a.bin".into(), path: path.clone(), size: 3 };
        assert_eq!(upload(Some(&file)).await.unwrap_or_default()[0].bytes, b"abc");
        assert!(upload(None).await.is_ok_and(|none| none.is_empty()));
        std::fs::File::create(&path).unwrap().set_len(FILE + 1).unwrap();
        for odd in [
            file.clone(),
            FileRef { size: FILE + 1, ..file.clone() },
            FileRef { path: dir.path().join("gone"), ..file.clone() },
            FileRef { path: dir.path().to_owned(), ..file },
        ] {
            let refused = upload(Some(&odd)).await.err();
            assert!(matches!(refused, Some(NotSurfaced::Reshape(_))), "{refused:?}");
        }
    }
}
