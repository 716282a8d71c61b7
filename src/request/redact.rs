//! Redacts the client's secrets in responses. Secrets that a server sends back must not appear in errors or logs.

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue};

const HIDDEN: &str = "***";

/// The minimum length of a secret that is redacted, in bytes. A shorter secret could match ordinary text in every
/// message.
const SHORTEST_SECRET: usize = 8;

/// Redacts secrets in the headers and body of a response, including secrets that are JSON-escaped in the body.
pub(super) fn redact(
    mut secrets: Vec<String>,
    headers: &mut HeaderMap,
    body: BytesMut,
) -> BytesMut {
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    for value in headers.values_mut() {
        if find(value.as_bytes(), &secrets).is_some() {
            *value = HeaderValue::from_static(HIDDEN);
        }
    }
    // A body without backslashes has no escaped characters, so a fast substring search is sufficient.
    let plain = str::from_utf8(&body)
        .ok()
        .filter(|text| !text.contains('\\'));
    if plain.is_some_and(|text| !secrets.iter().any(|secret| text.contains(secret.as_str()))) {
        return body;
    }
    let (mut clean, mut rest) = (BytesMut::new(), &body[..]);
    while let Some((start, length)) = find(rest, &secrets) {
        clean.extend_from_slice(&rest[..start]);
        clean.extend_from_slice(HIDDEN.as_bytes());
        rest = &rest[start + length..];
    }
    if clean.is_empty() {
        return body;
    }
    clean.extend_from_slice(rest);
    clean
}

/// Returns the position and the length of the first secret in the text.
fn find(text: &[u8], secrets: &[String]) -> Option<(usize, usize)> {
    (0..text.len()).find_map(|start| {
        let lengths = secrets
            .iter()
            .filter_map(|secret| length(&text[start..], secret));
        lengths.max().map(|length| (start, length))
    })
}

/// If the text starts with the secret, returns the number of bytes that the secret occupies, including escapes.
fn length(text: &[u8], secret: &str) -> Option<usize> {
    let rest = secret.chars().try_fold(text, |rest, letter| {
        let mut buffer = [0; 4];
        let raw = rest.strip_prefix(letter.encode_utf8(&mut buffer).as_bytes());
        // A backslash in a secret is escaped in JSON but not in plain text, so both forms must match.
        escaped(rest, letter).or(raw)
    })?;
    Some(text.len() - rest.len())
}

/// If the text starts with the escaped form of `letter`, such as `\/` or `\u002f`, returns the rest of the text.
fn escaped(text: &[u8], letter: char) -> Option<&[u8]> {
    let [b'\\', marked, ..] = text else {
        return None;
    };
    if char::from(*marked) == letter && matches!(letter, '"' | '\\' | '/') {
        return Some(&text[2..]);
    }
    letter
        .encode_utf16(&mut [0; 2])
        .iter()
        .try_fold(text, |text, unit| {
            let digits = text.strip_prefix(b"\\u")?.get(..4)?;
            let code = u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
            (code == *unit).then(|| &text[6..])
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_and_place() {
        let secret = "canary/7f3e9a";
        let redact = |body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", format!("id-{secret}").parse().unwrap());
            let body = BytesMut::from(body.as_bytes());
            let body = redact(vec![secret.to_owned()], &mut headers, body);
            assert_eq!(headers["x-request-id"], HIDDEN);
            String::from_utf8(body.to_vec()).unwrap()
        };
        let long = format!(
            r#"{{"data":[],"x":"canary\/7f3e9a{}"}}"#,
            " ".repeat(70_000)
        );
        for body in [
            r#"{"detail":"canary/7f3e9a"}"#,
            r#"{"detail":"canary\/7f3e9a"}"#,
            r#"{"canary\/7f3e9a":1}"#,
            r#"{"detail":[{"msg":"\u0063anary\u002f7f3e9a canary/7f3e9a"}]}"#,
            "<html>canary/7f3e9a</html>",
            r#"{"detail":"canary\/7f3e9a"#,
            &long,
        ] {
            let clean = redact(body);
            assert!(!clean.contains("7f3e9a"), "{body}: {clean}");
            assert!(clean.contains(HIDDEN), "{body}: {clean}");
        }
        for harmless in [
            r#"{"b":1, "a":"canary"}"#,
            r#"{"a":"canary\u002"}"#,
            "canary\\",
        ] {
            assert_eq!(redact(harmless), harmless);
        }
    }

    #[test]
    fn every_character_of_a_secret_may_be_escaped() {
        for secret in [
            "\u{e9}t\u{e9}-\u{1f600}-key",
            r#"a"b\c/d-key"#,
            r"\u0061\u0062",
        ] {
            let json = serde_json::to_string(secret).unwrap();
            let units = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            let lower: Vec<_> = units.collect();
            let lower = lower.concat();
            let upper = lower.to_uppercase().replace("\\U", "\\u");
            for form in [secret, json.trim_matches('"'), &lower, &upper] {
                let body = BytesMut::from(format!("<{form}>").as_bytes());
                let clean = redact(vec![secret.to_owned()], &mut HeaderMap::new(), body);
                assert_eq!(clean, "<***>", "{form}");
            }
        }
    }
}
