//! Ids as Slack makes them: a letter that says of what, then letters and digits (Slack, "Object types").

/// Whether this is an id of a person: `U…`, and `W…` in an Enterprise Grid.
pub fn is_person(id: &str) -> bool {
    is_id(id, &['U', 'W'])
}

/// Whether this is an id of a conversation: `C…` and `G…` for channels, `D…` for direct messages.
pub fn is_channel(id: &str) -> bool {
    is_id(id, &['C', 'G', 'D'])
}

/// Whether this is an id of a workspace: `T…`. That of an Enterprise Grid as a whole, `E…`, is none: whoever speaks
/// belongs to one of its workspaces.
pub fn is_team(id: &str) -> bool {
    is_id(id, &['T'])
}

/// Whether this is an id of a user group: `S…`.
pub fn is_group(id: &str) -> bool {
    is_id(id, &['S'])
}

fn is_id(id: &str, begins: &[char]) -> bool {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    id.starts_with(begins) && (2..=32).contains(&id.len()) && id.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_by_their_letter() {
        for (id, of) in [
            ("U024BE7LH", [true, false, false, false]),
            ("W1", [true, false, false, false]),
            ("C1", [false, true, false, false]),
            ("G1", [false, true, false, false]),
            ("D1", [false, true, false, false]),
            ("T024BE7LD", [false, false, true, false]),
            ("E1", [false; 4]),
            ("S0614TZR7", [false, false, false, true]),
            ("", [false; 4]),
            ("U", [false; 4]),
            ("u1", [false; 4]),
            ("U1 ", [false; 4]),
            ("@ana", [false; 4]),
        ] {
            assert_eq!([is_person(id), is_channel(id), is_team(id), is_group(id)], of, "{id}");
        }
    }
}
