//! Link headers (RFC 8288), parsed leniently: what is well-formed has the meaning of the RFC, and what is not affects as
//! little as possible, as in requests.

use std::borrow::Cow;
use std::fmt;

use crate::text::shown::without_user_info;
use crate::text::{latin1, percent};

/// One link of a Link header: its URL and its parameters.
///
/// # Coming from requests
/// An entry of `Response.links`, which is a mapping by `rel`, or by URL without one. Here links are a list, in order, so that
/// two links with the same `rel` are kept.
///
/// # Examples
/// ```
/// use petition::Link;
///
/// let header = r#"<https://a.test/?p=2>; rel="next", <https://a.test/?p=9>"#;
/// let links = Link::parse_header(header);
///
/// let next = links.iter().find(|link| link.has_rel("next"));
/// assert_eq!(next.map(Link::url), Some("https://a.test/?p=2"));
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Link {
    url: String,
    params: Vec<(String, String)>,
}

impl Link {
    /// Parses the links of one header value (RFC 8288 §3).
    ///
    /// A comma or semicolon within `<…>` or within quotes is part of the text. A parameter without a value has an empty one.
    /// What does not follow the RFC is parsed as far as possible: a URL without brackets ends at the first semicolon, and a
    /// comma ends a link only if another link, a comma or the end of the value follows.
    ///
    /// # Coming from requests
    /// `requests.utils.parse_header_links`. There a semicolon always ends a URL or a parameter, and everything after a
    /// parameter without exactly one `=` is lost.
    #[must_use]
    pub fn parse_header(value: &str) -> Vec<Self> {
        let mut input = Input { rest: value, brackets_end: true };
        let mut links = Vec::new();
        loop {
            input.skip_separators();
            if input.rest.is_empty() {
                return links;
            }
            let url = input.target();
            let params = input.params();
            if !(url.is_none() && params.is_empty()) {
                links.push(Self { url: url.unwrap_or_default().to_owned(), params });
            }
        }
    }

    /// The URL, as written: it is not joined to the response's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first parameter `rel`, as written, unless it is empty. It can name several relations, separated by blanks: see
    /// [`has_rel`](Self::has_rel).
    #[must_use]
    pub fn rel(&self) -> Option<&str> {
        self.param("rel").filter(|rel| !rel.is_empty())
    }

    /// Whether `rel` names this relation, without regard to case (RFC 8288 §2.1.1, §3.3).
    ///
    /// # Examples
    /// ```
    /// let link = &petition::Link::parse_header("</2>; Rel=\"section Next\"")[0];
    ///
    /// assert!(link.has_rel("next") && !link.has_rel("nex"));
    /// ```
    #[must_use]
    pub fn has_rel(&self, relation: &str) -> bool {
        self.rel().is_some_and(|rel| rel.split_ascii_whitespace().any(|own| own.eq_ignore_ascii_case(relation)))
    }

    /// The title: `title*`, which can have any characters, if it exists and can be decoded; otherwise `title`.
    #[must_use]
    pub fn title(&self) -> Option<Cow<'_, str>> {
        let extended = self.params().find(|(name, _)| name.eq_ignore_ascii_case("title*"));
        let decoded = extended.and_then(|(_, value)| extended_value(value));
        decoded.map(Cow::Owned).or_else(|| self.param("title").map(Cow::Borrowed))
    }

    /// The value of the first parameter of that name, without regard to case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The parameters, including `rel`, in order and as written, without quotes. A repeated name is returned each time; only
    /// the first `rel` counts.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Without the user info of URLs.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params: Vec<_> = self.params().map(|(name, value)| (name, without_user_info(value))).collect();
        f.debug_struct("Link").field("url", &without_user_info(&self.url)).field("params", &params).finish()
    }
}

/// What is left to parse.
struct Input<'a> {
    rest: &'a str,
    /// Whether there may be a `>`; after a search in vain there is no other.
    brackets_end: bool,
}

impl<'a> Input<'a> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANKS);
    }

    /// Skips blanks and empty members of the list.
    fn skip_separators(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
    }

    /// Takes everything before the place where `ends`, which gets the rest of the input, is true, or before the end.
    fn take_until(&mut self, ends: impl Fn(&str) -> bool) -> &'a str {
        let end =
            self.rest.char_indices().map(|(at, _)| at).find(|&at| ends(&self.rest[at..])).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// The URL in its brackets. If a bracket is missing, the text before the first semicolon.
    fn target(&mut self) -> Option<&'a str> {
        if let Some(open) = self.rest.strip_prefix('<').filter(|_| self.brackets_end) {
            match open.split_once('>') {
                Some((target, rest)) => {
                    self.rest = rest;
                    return Some(target.trim_matches(BLANKS));
                }
                None => self.brackets_end = false,
            }
        }
        let bare = self.take_until(|rest| rest.starts_with(';') || ends_link(rest));
        Some(bare.trim_matches(['<', '>', ' ', '\t', '\'', '"'])).filter(|bare| !bare.is_empty())
    }

    /// The parameters, up to the end of the link.
    fn params(&mut self) -> Vec<(String, String)> {
        let mut params = Vec::new();
        loop {
            // Nothing but a parameter may follow a target or a value.
            self.take_until(|rest| rest.starts_with(';') || ends_link(rest));
            let Some(rest) = self.rest.strip_prefix(';') else { return params };
            self.rest = rest;
            let name = self.take_until(|rest| rest.starts_with(['=', ';']) || ends_link(rest)).trim_matches(QUOTES);
            let value = match self.rest.strip_prefix('=') {
                Some(rest) => {
                    self.rest = rest;
                    self.value()
                }
                None => String::new(),
            };
            if !(name.is_empty() && value.is_empty()) {
                params.push((name.to_owned(), value));
            }
        }
    }

    /// A quoted text without its quotes and escapes, or any text up to the next parameter or link. A quote without an end
    /// extends to the end.
    fn value(&mut self) -> String {
        self.blanks();
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let plain = self.take_until(|rest| rest.starts_with(';') || ends_link(rest));
            return plain.trim_matches(QUOTES).to_owned();
        };
        let mut out = String::new();
        let mut rest = quoted.chars();
        while let Some(c) = rest.next() {
            match c {
                '"' => break,
                '\\' => out.extend(rest.next()),
                _ => out.push(c),
            }
        }
        self.rest = rest.as_str();
        // As in requests, which removes blanks together with quotes.
        out.trim_matches(BLANKS).to_owned()
    }
}

const BLANKS: [char; 2] = [' ', '\t'];
const QUOTES: [char; 4] = [' ', '\t', '\'', '"'];

/// Whether there is a comma here after which another link can begin. Other commas are part of the text: RFC 8288 has none
/// outside quotes and brackets, but servers send them.
fn ends_link(rest: &str) -> bool {
    rest.strip_prefix(',').is_some_and(|rest| {
        let next = rest.trim_start_matches(BLANKS);
        next.is_empty() || next.starts_with(['<', ','])
    })
}

/// Decodes `charset'language'percent-encoded` (RFC 8187 §3.2), for the two charsets that the RFCs name.
fn extended_value(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent::decode_strictly(encoded)?;
    if charset.eq_ignore_ascii_case("utf-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        Some(latin1::to_text(&bytes))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Params<'a> = &'a [(&'a str, &'a str)];

    fn check(table: &[(&str, &[(&str, Params<'_>)])]) {
        for (value, want) in table {
            let links = Link::parse_header(value);
            let got: Vec<(&str, Vec<_>)> = links.iter().map(|link| (link.url(), link.params().collect())).collect();
            let want: Vec<_> = want.iter().map(|(url, params)| (*url, params.to_vec())).collect();
            assert_eq!(got, want, "{value}");
        }
    }

    // RESP-32, UTIL-06: as recorded from requests
    #[test]
    fn links_are_read_as_in_requests() {
        check(&[
            ("<http://x/1>; rel=next", &[("http://x/1", &[("rel", "next")])]),
            ("<http://x/1>; rel='next'", &[("http://x/1", &[("rel", "next")])]),
            ("<>; rel=next", &[("", &[("rel", "next")])]),
            ("<http://x/1,2>; rel=next", &[("http://x/1,2", &[("rel", "next")])]),
            (
                "<http:/.../front.jpeg>; rel=front; type=\"image/jpeg\"",
                &[("http:/.../front.jpeg", &[("rel", "front"), ("type", "image/jpeg")])],
            ),
            ("<http:/.../front.jpeg>", &[("http:/.../front.jpeg", &[])]),
            ("<http:/.../front.jpeg>;", &[("http:/.../front.jpeg", &[])]),
            ("garbage", &[("garbage", &[])]),
            ("http://x/1; rel=next", &[("http://x/1", &[("rel", "next")])]),
            (
                "'http://x/1'; rel=next, <http://x/2>; rel=last",
                &[("http://x/1", &[("rel", "next")]), ("http://x/2", &[("rel", "last")])],
            ),
            ("<http://x/1; rel=next", &[("http://x/1", &[("rel", "next")])]),
            ("<http://x/1>; REL=\"next\"", &[("http://x/1", &[("REL", "next")])]),
            ("<a>; rel=\"1\",<b>; rel=2,   <e>", &[("a", &[("rel", "1")]), ("b", &[("rel", "2")]), ("e", &[])]),
            ("<a>; rel=; y=\" z \"; =w", &[("a", &[("rel", ""), ("y", "z"), ("", "w")])]),
            ("", &[]),
            (" \t", &[]),
        ]);
    }

    #[test]
    fn what_stands_in_brackets_or_quotes_is_one() {
        check(&[
            ("<http://x/1;a=b?c=d,<e;f>; rel=next", &[("http://x/1;a=b?c=d,<e;f", &[("rel", "next")])]),
            ("<a;b>;rel=x,<c,d>;rel=y", &[("a;b", &[("rel", "x")]), ("c,d", &[("rel", "y")])]),
            ("<a>; title=\"b; c\"; rel=next", &[("a", &[("title", "b; c"), ("rel", "next")])]),
            ("<a>; title=\"b=c\"; rel=next", &[("a", &[("title", "b=c"), ("rel", "next")])]),
            ("<a>; title=\"b, <c>; rel=no\"; rel=next", &[("a", &[("title", "b, <c>; rel=no"), ("rel", "next")])]),
            (
                r#"<a>; title="b \"c\"; \\"; rel=next, <d>; rel=last"#,
                &[("a", &[("title", r#"b "c"; \"#), ("rel", "next")]), ("d", &[("rel", "last")])],
            ),
            (r#"<a>; title="\"; rel=next"#, &[("a", &[("title", r#""; rel=next"#)])]),
            ("<a>; title=\"\"; rel=\"next\"", &[("a", &[("title", ""), ("rel", "next")])]),
            ("<a>; title = \"b\" ; rel\t=\tnext ,<c>", &[("a", &[("title", "b"), ("rel", "next")]), ("c", &[])]),
        ]);
    }

    #[test]
    fn a_parameter_needs_no_value_and_an_odd_one_costs_itself_alone() {
        check(&[
            ("<a>; flag; rel=next", &[("a", &[("flag", ""), ("rel", "next")])]),
            ("<a>;;; flag ;rel=next;", &[("a", &[("flag", ""), ("rel", "next")])]),
            ("<a>; x=1=2; rel=next", &[("a", &[("x", "1=2"), ("rel", "next")])]),
            ("<a>; x=\"1\"2; rel=next", &[("a", &[("x", "1"), ("rel", "next")])]),
            ("<a> x; rel=next", &[("a", &[("rel", "next")])]),
            (
                "<a>; media=screen,print; rel=next, <b>",
                &[("a", &[("media", "screen,print"), ("rel", "next")]), ("b", &[])],
            ),
            ("<a>; flag, <b>; rel=next", &[("a", &[("flag", "")]), ("b", &[("rel", "next")])]),
            ("<a>,, ,<b>,", &[("a", &[]), ("b", &[])]),
            (", , <a>", &[("a", &[])]),
            ("<a>; rel=x; b=c; rel=y; b=d", &[("a", &[("rel", "x"), ("b", "c"), ("rel", "y"), ("b", "d")])]),
            ("<a>; title=caf\u{e9}; rel=next", &[("a", &[("title", "caf\u{e9}"), ("rel", "next")])]),
        ]);
    }

    #[test]
    fn the_first_rel_counts_whatever_its_case_and_however_many_it_names() {
        for (value, rel, is_next) in [
            ("<a>; rel=next", Some("next"), true),
            ("<a>; REL=next", Some("next"), true),
            ("<a>; rel=\"Next\"", Some("Next"), true),
            ("<a>; rel=\"prefetch next\"", Some("prefetch next"), true),
            ("<a>; rel=\"  http://r.test/x\tNEXT \"", Some("http://r.test/x\tNEXT"), true),
            ("<a>; rel=next; rel=prev", Some("next"), true),
            ("<a>; rel=prev; Rel=next", Some("prev"), false),
            ("<a>; rel=\"\"; rel=next", None, false),
            ("<a>; rel; rel=next", None, false),
            ("<a>; rel=nextpage", Some("nextpage"), false),
            ("<a>; rev=next", None, false),
            ("<a>; title=\"rel=next\"", None, false),
            ("<a>", None, false),
        ] {
            let links = Link::parse_header(value);
            assert_eq!((links[0].rel(), links[0].has_rel("next")), (rel, is_next), "{value}");
        }
    }

    #[test]
    fn an_extended_title_goes_before_the_plain_one() {
        for (params, want) in [
            ("title=plain", Some("plain")),
            ("title=plain; title*=UTF-8'de'n%c3%a4chstes%20Kapitel", Some("n\u{e4}chstes Kapitel")),
            ("TITLE*=utf-8''%e2%82%ac", Some("\u{20ac}")),
            ("title*=iso-8859-1'en'%A3%20rates; title=plain", Some("\u{a3} rates")),
            ("title*=utf-8'en'it's", Some("it's")),
            ("title*=utf-8''%ff; title=plain", Some("plain")),
            ("title*=koi8-r''%C1; title=plain", Some("plain")),
            ("title*=x; title=plain", Some("plain")),
            ("title*=koi8-r''%C1", None),
            ("rel=next", None),
        ] {
            let links = Link::parse_header(&format!("<a>; {params}; rel=next"));
            assert_eq!(links[0].title().as_deref(), want, "{params}");
            assert!(links[0].has_rel("next"), "{params}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_read_to_its_end(junk in "[ \t,;=<>'\"\\\\a-c\u{e9}]{0,40}") {
            // Quotes and brackets that are open would make one of all that follows.
            let junk = junk.replace(['"', '\\', '<'], "");
            let links = Link::parse_header(&format!("{junk}, <z>; rel=next"));

            let last = links.last().unwrap();
            proptest::prop_assert_eq!((last.url(), last.has_rel("next")), ("z", true));
        }
    }
}
