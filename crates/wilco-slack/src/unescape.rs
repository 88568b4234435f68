//! Slack's texts as whoever wrote them typed them. Slack puts mentions, channels and links between angle brackets and
//! escapes three letters (Slack, "Formatting text", "Retrieving messages").

/// How a person or a channel is called, where the text itself does not say.
pub(crate) trait Names {
    /// A person's name, without the at sign.
    fn person(&self, id: &str) -> Option<String>;
    /// A channel's name, without the number sign.
    fn channel(&self, id: &str) -> Option<String>;
}

/// Nobody is known by name.
#[cfg(test)]
pub(crate) struct Nameless;

#[cfg(test)]
impl Names for Nameless {
    fn person(&self, _: &str) -> Option<String> {
        None
    }
    fn channel(&self, _: &str) -> Option<String> {
        None
    }
}

/// The text as it was typed.
pub(crate) fn unescape(text: &str, names: &impl Names) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(&entities(before));
        match after.split_once('>') {
            // Between brackets stands no bracket: one that was typed is escaped.
            Some((inside, behind)) if !inside.contains('<') => {
                out.push_str(&bracketed(inside, names));
                rest = behind;
            }
            Some(_) | None => {
                out.push('<');
                rest = after;
            }
        }
    }
    out.push_str(&entities(rest));
    out
}

/// The ids of the people whom a text names without their names.
pub(crate) fn unnamed(text: &str) -> Vec<&str> {
    let inside = text.split('<').skip(1).filter_map(|piece| piece.split_once('>').map(|(inside, _)| inside));
    let mut ids: Vec<&str> =
        inside.filter_map(|inside| inside.strip_prefix('@')).filter(|id| !id.contains('|')).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn bracketed(inside: &str, names: &impl Names) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    let named = |name: Option<String>, id: &str| label.map(entities).or(name).unwrap_or_else(|| id.to_owned());
    if let Some(id) = target.strip_prefix('@') {
        let name = named(names.person(id), id);
        return format!("@{}", name.trim_start_matches('@'));
    }
    if let Some(id) = target.strip_prefix('#') {
        return format!("#{}", named(names.channel(id), id).trim_start_matches('#'));
    }
    if let Some(word) = target.strip_prefix('!') {
        // `!here`, `!subteam^S1|@oncall`, `!date^1^{date}|yesterday`
        let word = word.split('^').next().unwrap_or(word);
        return label.map_or_else(|| format!("@{word}"), entities);
    }
    let link = entities(target);
    match label.map(entities) {
        // Slack makes links of what merely looks like one: `example.com`, `ana@example.com`.
        Some(label) if link.ends_with(&label) || link.trim_end_matches('/').ends_with(&label) => label,
        Some(label) => format!("{label} ({link})"),
        None => link,
    }
}

fn entities(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    // The ampersand last, so that what it was escaped for is not read a second time.
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Known;

    impl Names for Known {
        fn person(&self, id: &str) -> Option<String> {
            (id == "U1").then(|| "ana".to_owned())
        }
        fn channel(&self, id: &str) -> Option<String> {
            (id == "C1").then(|| "general".to_owned())
        }
    }

    #[test]
    fn texts_are_what_was_typed() {
        for (slack, typed) in [
            ("run demo", "run demo"),
            ("a &amp;&amp; b &lt; c &gt; d", "a && b < c > d"),
            ("&amp;lt;", "&lt;"),
            ("for <@U1> and <@U2|bo> and <@U3>", "for @ana and @bo and @U3"),
            ("in <#C1> <#C2|ops> <#C3|> <#C4>", "in #general #ops #C3 #C4"),
            ("<!here> <!channel> <!subteam^S1|@oncall> <!subteam^S2>", "@here @channel @oncall @subteam"),
            ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
            ("see <https://example.com/?a=1&amp;b=2>", "see https://example.com/?a=1&b=2"),
            ("see <http://example.com|example.com>", "see example.com"),
            ("<https://example.com/a|the report>", "the report (https://example.com/a)"),
            ("<mailto:ana@example.com|ana@example.com>", "ana@example.com"),
            ("a < b", "a < b"),
            ("<", "<"),
            ("<<@U1>", "<@ana"),
            ("<@U1", "<@U1"),
        ] {
            assert_eq!(unescape(slack, &Known), typed, "{slack}");
        }
        assert_eq!(unescape("<@U1>", &Nameless), "@U1");
        assert_eq!(unnamed("<@U2> <@U1> <@U2> <@U3|bo> <#C1>"), ["U1", "U2"]);
    }

    proptest! {
        #[test]
        fn what_was_typed_comes_back(text in "[a-z <>&;|@#!]{0,60}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            prop_assert_eq!(unescape(&escaped, &Nameless), text);
        }

        #[test]
        fn nothing_breaks_it(text in "[<>&|@#!a-z^é]{0,60}") {
            let _ = unescape(&text, &Nameless);
        }
    }
}
