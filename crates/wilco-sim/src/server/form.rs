//! Reads `multipart/form-data`, which carries files beside the JSON of a message.

/// One part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The field's name.
    pub(crate) name: String,
    /// The file's name, when it is a file.
    pub(crate) file: Option<String>,
    /// Its media type.
    pub(crate) media: String,
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
}

/// The boundary that a content type names; none when it is no form.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameter(rest, "boundary")
}

/// Reads a form; none when it is not one.
pub(crate) fn read(boundary: &str, body: &[u8]) -> Option<Vec<Part>> {
    let line = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut at = find(body, line.as_bytes(), 0)? + line.len();
    loop {
        if body[at..].starts_with(b"--") {
            return Some(parts);
        }
        at = find(body, b"\r\n", at)? + 2;
        let head_end = find(body, b"\r\n\r\n", at)?;
        let end = find(body, format!("\r\n{line}").as_bytes(), head_end)?;
        let head = String::from_utf8_lossy(&body[at..head_end]).into_owned();
        let bytes = body.get(head_end + 4..end).unwrap_or_default().to_vec();
        parts.push(part(&head, bytes)?);
        at = end + 2 + line.len();
    }
}

fn part(head: &str, bytes: Vec<u8>) -> Option<Part> {
    let mut part = Part { name: String::new(), file: None, media: "application/octet-stream".to_owned(), bytes };
    for line in head.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            part.name = parameter(value, "name")?;
            part.file = parameter(value, "filename");
        } else if name.trim().eq_ignore_ascii_case("content-type") {
            value.trim().clone_into(&mut part.media);
        }
    }
    (!part.name.is_empty()).then_some(part)
}

/// A parameter such as `name="files[0]"` of a header's value.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value;
    while let Some(at) = rest.find('=') {
        let name = rest[..at].rsplit(';').next().unwrap_or_default().trim().to_owned();
        let after = &rest[at + 1..];
        let (found, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(';').unwrap_or((after, "")),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(found.trim().to_owned());
        }
        rest = next;
    }
    None
}

fn find(body: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let rest = body.get(from..)?;
    rest.windows(what.len()).position(|window| window == what).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_json_and_a_file_is_read() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\"a\":1}\r\n--b\r\n\
             content-disposition: form-data; name=\"files[0]\"; filename=\"a b;c.txt\"\r\nContent-Type: text/plain\r\n\
             \r\none\r\n\r\ntwo\r\n--b--\r\n";
        let boundary = boundary("multipart/form-data; charset=x; boundary=\"b\"").unwrap();
        let parts = read(&boundary, body.as_bytes()).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].name.as_str(), parts[0].bytes.as_slice()), ("payload_json", b"{\"a\":1}".as_slice()));
        assert_eq!(parts[1].name, "files[0]");
        assert_eq!(parts[1].file.as_deref(), Some("a b;c.txt"));
        assert_eq!(parts[1].media, "text/plain");
        assert_eq!(parts[1].bytes, b"one\r\n\r\ntwo");
    }

    #[test]
    fn what_is_no_form_is_none() {
        assert_eq!(boundary("application/json"), None);
        assert_eq!(boundary("application/json; boundary=b"), None);
        assert_eq!(read("b", b"--b\r\nno end"), None);
        assert_eq!(read("b", b"--b--\r\n"), Some(vec![]));
    }
}
