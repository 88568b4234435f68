//! What stands between angle brackets, and the three escapes: how Slack stores a text, and what its client makes of what
//! a person types.
//!
//! Slack keeps `&`, `<` and `>` as `&amp;`, `&lt;` and `&gt;`, and gives them back like that; a bare address comes back
//! between angle brackets ("Formatting text for app surfaces").

use serde_json::{Value, json};

use super::world::{Channel, Kind, World};

/// What a pair of angle brackets may begin with to mean something.
const MEANS: &[&str] = &[
    "@U",
    "@W",
    "#C",
    "!here",
    "!channel",
    "!everyone",
    "!subteam^",
    "!date^",
    "http://",
    "https://",
    "mailto:",
    "tel:",
];
/// Endings by which a client knows the name of a site.
const SITES: &[&str] = &[".com", ".dev", ".io", ".net", ".org"];
/// What may stand behind an address without belonging to it.
const BEHIND: &[char] = &['.', ',', ';', ':', '!', '?', ')', '\'', '"'];

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Words as they stand.
    Words(&'a str),
    /// What stands between angle brackets, the label apart.
    Means(&'a str, Option<&'a str>),
}

/// Takes a text apart. Angle brackets that mean nothing are words.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut all, mut from, mut look) = (Vec::new(), 0, 0);
    while let Some(at) = text[look..].find('<').map(|at| at + look) {
        let inside = text[at + 1..].find(['<', '>', '\n']).map(|end| (&text[at + 1..at + 1 + end], at + 1 + end));
        let Some((inside, end)) = inside.filter(|(inside, end)| {
            text[*end..].starts_with('>') && MEANS.iter().any(|begins| inside.starts_with(begins))
        }) else {
            look = at + 1;
            continue;
        };
        if from < at {
            all.push(Piece::Words(&text[from..at]));
        }
        let (target, label) = inside.split_once('|').map_or((inside, None), |(target, label)| (target, Some(label)));
        all.push(Piece::Means(target, label));
        (from, look) = (end + 1, end + 1);
    }
    if from < text.len() {
        all.push(Piece::Words(&text[from..]));
    }
    all
}

fn put_back(target: &str, label: Option<&str>) -> String {
    label.map_or_else(|| format!("<{target}>"), |label| format!("<{target}|{label}>"))
}

/// The escapes of words. What is escaped already stays: a test may write a text as it travels.
fn escape(words: &str) -> String {
    let mut result = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(at) = rest.find(['&', '<', '>']) {
        result.push_str(&rest[..at]);
        let ready = ["&amp;", "&lt;", "&gt;"].into_iter().find(|ready| rest[at..].starts_with(ready));
        let (escaped, length) = match (ready, rest.as_bytes()[at]) {
            (Some(ready), _) => (ready, ready.len()),
            (None, b'&') => ("&amp;", 1),
            (None, b'<') => ("&lt;", 1),
            (None, _) => ("&gt;", 1),
        };
        result.push_str(escaped);
        rest = &rest[at + length..];
    }
    result.push_str(rest);
    result
}

/// A text without its escapes, as a person reads it.
pub(super) fn unescaped(words: &str) -> String {
    words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A text of a bot as Slack keeps it: escaped, and with addresses between angle brackets unless they are to be left
/// alone.
pub(super) fn kept(text: &str, links: bool) -> String {
    let of = |piece| match piece {
        Piece::Words(words) if links => linked(words, |word| Some(word).filter(|word| is_address(word)).map(bare)),
        Piece::Words(words) => escape(words),
        Piece::Means(target, label) => put_back(target, label),
    };
    pieces(text).into_iter().map(of).collect()
}

/// The texts of blocks as Slack keeps them: escaped, at any depth. Rich text has no escapes.
pub(super) fn keep_blocks(blocks: &mut [Value]) {
    fn of(value: &mut Value) {
        match value {
            Value::Object(object) => {
                // Without markup there is no mention and no link.
                let plain = object.get("type").is_some_and(|kind| kind == "plain_text");
                for (name, inside) in object.iter_mut() {
                    match inside {
                        Value::String(text) if name == "text" && plain => *text = escape(text),
                        Value::String(text) if name == "text" => *text = kept(text, false),
                        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                        Value::Array(_) | Value::Object(_) => of(inside),
                    }
                }
            }
            Value::Array(all) => all.iter_mut().for_each(of),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for block in blocks.iter_mut().filter(|block| !matches!(block["type"].as_str(), Some("rich_text" | "markdown"))) {
        of(block);
    }
}

fn is_address(word: &str) -> bool {
    ["https://", "http://"].iter().any(|begins| word.len() > begins.len() && word.starts_with(begins))
}

fn bare(word: &str) -> String {
    format!("<{}>", escape(word))
}

/// Escapes words, and lets each be something else. What stands behind a word without belonging to it stays.
fn linked(words: &str, means: impl Fn(&str) -> Option<String>) -> String {
    let of = |word: &str| {
        let core = word.trim_end_matches(BEHIND);
        let (lead, core) = core.split_at(core.len() - core.trim_start_matches(['(', '"', '\'']).len());
        match means(core) {
            Some(instead) => format!("{}{instead}{}", escape(lead), escape(&word[lead.len() + core.len()..])),
            None => escape(word),
        }
    };
    words
        .split_inclusive(char::is_whitespace)
        .map(|part| {
            let word = part.trim_end_matches(char::is_whitespace);
            of(word) + &part[word.len()..]
        })
        .collect()
}

/// How names travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// As in a message: `<@U…>` and `<#C…|name>`.
    Ids,
    /// As in a command that is sent escaped: `<@U…|name>` and `<#C…|name>`.
    Both,
    /// As in a command that is not: as they were typed, addresses too.
    Typed,
}

/// What a client sends for what a person types: `@name` and `#name` of the place become ids, addresses are marked, and
/// the rest is escaped.
pub(super) fn typed(world: &World, place: &Channel, text: &str, names: Names) -> String {
    let means = |word: &str| match names {
        Names::Typed => None,
        Names::Ids | Names::Both => named(world, place, word, names == Names::Both).or_else(|| site(word)),
    };
    let of = |piece| match piece {
        Piece::Words(words) => linked(words, means),
        Piece::Means(target, label) => put_back(target, label),
    };
    pieces(text).into_iter().map(of).collect()
}

fn named(world: &World, place: &Channel, word: &str, label: bool) -> Option<String> {
    if let Some(name) = word.strip_prefix('@') {
        let near = |team: &str| place.team == team || place.shared.contains(team);
        let mut all = world.users.values().filter(|user| user.name == name && near(&user.team));
        // With two of a name it is the one who is here.
        let here = all.clone().find(|user| place.members.contains(&user.id));
        let user = here.or_else(|| all.next())?;
        return Some(if label { format!("<@{}|{name}>", user.id) } else { format!("<@{}>", user.id) });
    }
    let name = word.strip_prefix('#')?;
    let fits = |one: &&Channel| one.name == name && one.team == place.team && one.kind != Kind::Direct;
    world.channels.values().find(fits).map(|channel| format!("<#{}|{name}>", channel.id))
}

fn site(word: &str) -> Option<String> {
    if is_address(word) {
        return Some(bare(word));
    }
    let name = |part: &str| !part.is_empty() && part.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-');
    let fits = word.split('.').all(name) && SITES.iter().any(|ending| word.ends_with(ending));
    fits.then(|| format!("<http://{word}|{word}>"))
}

/// The block that a client sends beside the text of a person.
pub(super) fn rich(text: &str) -> Value {
    let element = |piece| match piece {
        Piece::Words(words) => json!({"type": "text", "text": unescaped(words)}),
        Piece::Means(target, label) => match (target.split_at(1), target.strip_prefix("!subteam^")) {
            (("@", id), _) => json!({"type": "user", "user_id": id}),
            (("#", id), _) => json!({"type": "channel", "channel_id": id}),
            (_, Some(id)) => json!({"type": "usergroup", "usergroup_id": id}),
            (("!", word), None) => json!({"type": "broadcast", "range": word}),
            (_, None) => {
                let mut link = json!({"type": "link", "url": unescaped(target)});
                if let Some(label) = label {
                    link["text"] = json!(unescaped(label));
                }
                link
            }
        },
    };
    let elements: Vec<Value> = pieces(text).into_iter().map(element).collect();
    let id = &format!("{:016x}", crate::draw::fnv(text.as_bytes()))[..5];
    json!({"type": "rich_text", "block_id": id, "elements": [{"type": "rich_text_section", "elements": elements}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_something_is_taken_out() {
        use Piece::{Means, Words};
        assert_eq!(
            pieces("<@U1> a < b <https://x.org/?a=1|x> <!here> <b>"),
            [
                Means("@U1", None),
                Words(" a < b "),
                Means("https://x.org/?a=1", Some("x")),
                Words(" "),
                Means("!here", None),
                Words(" <b>"),
            ]
        );
        assert_eq!(pieces(""), []);
        assert_eq!(pieces("<@U1"), [Words("<@U1")]);
        assert_eq!(pieces("<!-- here -->"), [Words("<!-- here -->")]);
        assert_eq!(pieces("<@U1 <@U2>"), [Words("<@U1 "), Means("@U2", None)]);
    }

    #[test]
    fn a_text_is_kept_with_its_escapes_and_once_only() {
        let text = "a & b <@U1|ana> <b> (see https://x.org/?a=1&b=2).";
        let once = "a &amp; b <@U1|ana> &lt;b&gt; (see <https://x.org/?a=1&amp;b=2>).";
        assert_eq!(kept(text, true), once);
        assert_eq!(kept(once, true), once);
        assert_eq!(kept("https://x.org", false), "https://x.org");
        assert_eq!(unescaped("&amp;lt; &lt;b&gt;"), "&lt; <b>");
        let mut blocks = [
            json!({"type": "section", "text": {"type": "mrkdwn", "text": "a & b"}, "block_id": "a & b"}),
            json!({"type": "rich_text", "elements": [{"type": "text", "text": "a & b"}]}),
        ];
        keep_blocks(&mut blocks);
        assert_eq!((&blocks[0]["text"]["text"], &blocks[0]["block_id"]), (&json!("a &amp; b"), &json!("a & b")));
        assert_eq!(blocks[1]["elements"][0]["text"], "a & b");
    }

    #[test]
    fn a_client_sends_the_same_words_beside_the_text_as_a_block() {
        let block = rich("<@U1> a &amp; b in <#C1|ops> see <https://x.org|x> <!here>");
        let all = block["elements"][0]["elements"].as_array().unwrap();
        let kinds: Vec<&str> = all.iter().map(|one| one["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["user", "text", "channel", "text", "link", "text", "broadcast"]);
        assert_eq!(all[1]["text"], " a & b in ");
        assert_eq!((&all[4]["url"], &all[4]["text"]), (&json!("https://x.org"), &json!("x")));
    }
}
