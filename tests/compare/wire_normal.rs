//! What may differ between two recorded requests, taken out of both; and checked where it can be.

use md5::Digest as _;
use serde_json::Value;

/// The products that name themselves in User-Agent when the program does not.
const PRODUCTS: [&str; 3] = ["petition/", "python-requests/", "python-urllib3/"];

/// The codings that a client lists by itself in Accept-Encoding.
const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// The bytes of a request with the User-Agent, the codings, the boundary and the client's nonce replaced by `*`, and a JSON
/// body without blanks and escapes; `Err` says what is wrong with what was replaced.
pub fn normal(case: &Value, raw: &[u8]) -> Result<Vec<u8>, String> {
    let split = raw.windows(4).position(|end| end == b"\r\n\r\n").ok_or("a head without an end")? + 4;
    let (head, mut body) = (latin_1(&raw[..split]), raw[split..].to_vec());
    let json = json_body(case, &body);
    let mut out = String::new();
    let mut boundary = None;
    for line in head.split_inclusive("\r\n") {
        let (name, value) = line.trim_end_matches("\r\n").split_once(": ").unwrap_or_default();
        let replaced = match name.to_ascii_lowercase().as_str() {
            "user-agent" if PRODUCTS.iter().any(|product| value.starts_with(product)) => Some("*".to_owned()),
            "accept-encoding" if value.split(", ").all(|coding| CODINGS.contains(&coding)) => Some("*".to_owned()),
            "content-length" if json.is_some() => {
                if value != body.len().to_string() {
                    return Err(format!("Content-Length {value} for a body of {}", body.len()));
                }
                Some("*".to_owned())
            }
            "content-type" => value.strip_prefix("multipart/form-data; boundary=").map(|own| {
                boundary = Some(own.to_owned());
                "multipart/form-data; boundary=*".to_owned()
            }),
            "authorization" if value.starts_with("Digest ") && value.contains("cnonce=") => {
                Some(without_nonce(case, &head, value)?)
            }
            _ => None,
        };
        match replaced {
            Some(value) => out.push_str(&format!("{name}: {value}\r\n")),
            None => out.push_str(line),
        }
    }
    if let Some(json) = json {
        body = json;
    }
    if let Some(boundary) = boundary {
        if boundary.len() != 32 || !is_lower_hex(&boundary) {
            return Err(format!("the boundary {boundary} is not 32 lower-case hex digits"));
        }
        body = replaced(&body, boundary.as_bytes(), b"*");
    }
    let mut bytes: Vec<u8> = out.chars().map(|c| c as u8).collect();
    bytes.extend(body);
    Ok(bytes)
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(&byte) = rest.first() {
        if let Some(behind) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = behind;
        } else {
            out.push(byte);
            rest = &rest[1..];
        }
    }
    out
}

/// The body of a request that `json` was used for, without blanks between its tokens, and with the characters that \u
/// escapes stand for; `None` for other cases.
fn json_body(case: &Value, body: &[u8]) -> Option<Vec<u8>> {
    let uses_json = |step: &Value| step.get("json").is_some();
    if !uses_json(case) && !case["steps"].as_array().into_iter().flatten().any(uses_json) {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut out = String::new();
    let mut inside = false;
    let mut rest = text.chars();
    let mut units: Vec<u16> = Vec::new();
    while let Some(c) = rest.next() {
        let escape = if inside && c == '\\' { rest.next() } else { None };
        if escape == Some('u') {
            let digits: String = rest.by_ref().take(4).collect();
            units.push(u16::from_str_radix(&digits, 16).ok()?);
            continue;
        }
        out.push_str(&String::from_utf16(&units).ok()?);
        units.clear();
        match escape {
            Some(escape) => out.extend(['\\', escape]),
            None if !inside && c == ' ' => {}
            None => {
                inside ^= c == '"';
                out.push(c);
            }
        }
    }
    Some(out.into_bytes())
}

/// A Digest header without what is made of the client's nonce, which is checked by its formula (AUTH-19).
fn without_nonce(case: &Value, head: &str, value: &str) -> Result<String, String> {
    let field = |name: &str| {
        let start = value.find(&format!(" {name}="))? + name.len() + 2;
        let rest = &value[start..];
        Some(match rest.strip_prefix('"') {
            Some(quoted) => &quoted[..quoted.find('"')?],
            None => rest.split(',').next()?,
        })
    };
    let need = |name: &str| field(name).ok_or_else(|| format!("no {name} in {value}"));
    let (cnonce, response) = (need("cnonce")?, need("response")?);
    if cnonce.len() != 16 || !is_lower_hex(cnonce) {
        return Err(format!("the cnonce {cnonce} is not 16 lower-case hex digits"));
    }
    let algorithm = field("algorithm").unwrap_or("MD5").to_ascii_uppercase();
    let hash = |text: &str| match algorithm.trim_end_matches("-SESS") {
        "SHA" => hex(&sha1::Sha1::digest(text)),
        "SHA-256" => hex(&sha2::Sha256::digest(text)),
        "SHA-512" => hex(&sha2::Sha512::digest(text)),
        _ => hex(&md5::Md5::digest(text)),
    };
    let credentials = [case, &case["session"]].into_iter().find_map(|place| place["auth"]["digest"].as_array());
    let [user, password] = credentials.map_or(&[][..], Vec::as_slice) else { return Err("no credentials".to_owned()) };
    let (user, password) = (user.as_str().unwrap_or_default(), password.as_str().unwrap_or_default());
    let nonce = need("nonce")?;
    let mut secret = hash(&format!("{user}:{}:{password}", need("realm")?));
    if algorithm.ends_with("-SESS") {
        secret = hash(&format!("{secret}:{nonce}:{cnonce}"));
    }
    let method = head.split(' ').next().unwrap_or_default();
    let request = hash(&format!("{method}:{}", need("uri")?));
    let wanted = match field("qop") {
        Some(qop) => hash(&format!("{secret}:{nonce}:{}:{cnonce}:{qop}:{request}", need("nc")?)),
        None => hash(&format!("{secret}:{nonce}:{request}")),
    };
    if response != wanted {
        return Err(format!("the response should be {wanted}: {value}"));
    }
    Ok(value.replace(cnonce, "*").replace(response, "*"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use md5::Digest as _;
    use serde_json::json;

    use super::normal;

    fn text(case: &serde_json::Value, raw: &str) -> Result<String, String> {
        normal(case, raw.as_bytes()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn only_the_values_that_may_differ_are_taken_out() {
        let raw = "GET / HTTP/1.1\r\nUser-Agent: petition/9\r\nAccept-Encoding: gzip, br\r\nX: petition/9\r\n\r\n";

        let want = "GET / HTTP/1.1\r\nUser-Agent: *\r\nAccept-Encoding: *\r\nX: petition/9\r\n\r\n";
        assert_eq!(text(&json!({}), raw).as_deref(), Ok(want));
        let own = "GET / HTTP/1.1\r\nUser-Agent: mine\r\nAccept-Encoding: identity\r\n\r\n";
        assert_eq!(text(&json!({}), own).as_deref(), Ok(own));
    }

    #[test]
    fn blanks_and_escapes_go_from_json_only_and_only_outside_of_texts() {
        let head = "POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n";
        let raw = format!("{head}{}", r#"{"a b": [1, "\u00e9\ud83d\ude00\n"]}"#.replace("[1, ", "[1,"));

        let json = text(&json!({"json": 1}), &raw.replace("30", "35"));
        assert_eq!(json.as_deref(), Ok("POST / HTTP/1.1\r\nContent-Length: *\r\n\r\n{\"a b\":[1,\"é😀\\n\"]}"));
        assert_eq!(text(&json!({}), &raw), Ok(raw.clone()));
        assert!(text(&json!({"json": 1}), &raw).is_err(), "the wrong length");
    }

    #[test]
    fn a_boundary_is_32_hex_digits_and_the_one_of_the_body() {
        let raw = |boundary: &str| {
            format!(
                "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary={boundary}\r\n\r\n--{boundary}--\r\n"
            )
        };

        let good = text(&json!({}), &raw("00112233445566778899aabbccddeeff"));
        assert_eq!(
            good.as_deref(),
            Ok("POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=*\r\n\r\n--*--\r\n")
        );
        assert!(text(&json!({}), &raw("00112233")).is_err());
        assert!(text(&json!({}), &raw("00112233445566778899AABBCCDDEEFF")).is_err());
    }

    // RFC 2617 3.5
    #[test]
    fn a_digest_response_is_checked_by_its_formula() {
        let case = json!({"auth": {"digest": ["Mufasa", "Circle Of Life"]}});
        let raw = |response: &str| {
            format!(
                "GET /dir/index.html HTTP/1.1\r\nAuthorization: Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
                 nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", response=\"{response}\", \
                 qop=\"auth\", nc=00000001, cnonce=\"0a4f113b0a4f113b\"\r\n\r\n"
            )
        };

        let right = super::hex(&md5::Md5::digest(
            "939e7578ed9e3c518a452acee763bce9:dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:0a4f113b0a4f113b:auth:\
             39aff3a2bab6126f332b942af96d3366",
        ));
        assert!(text(&case, &raw(&right)).is_ok_and(|text| text.contains("response=\"*\"")));
        assert!(text(&case, &raw("0123456789abcdef0123456789abcdef")).is_err());
    }
}
