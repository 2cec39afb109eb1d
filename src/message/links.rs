//! Link headers, read as requests reads them: leniently, and not by all of RFC 8288.

/// One link of a Link header: where it leads, and what is said of it.
///
/// # Coming from requests
/// An entry of `Response.links`, which is keyed by `rel` or else by URL; here they are a list, in order, so that two of one
/// `rel` are two.
///
/// # Examples
/// ```
/// use petition::Link;
///
/// let links = Link::parse_header(r#"<https://a.test/?page=2>; rel="next", <https://a.test/?page=9>; rel="last""#);
///
/// let next = links.iter().find(|link| link.rel() == Some("next"));
/// assert_eq!(next.map(Link::url), Some("https://a.test/?page=2"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    url: String,
    params: Vec<(String, String)>,
}

impl Link {
    /// The links of one header value, of which none is too odd to be one.
    ///
    /// # Coming from requests
    /// `requests.utils.parse_header_links`: a comma ends a link only where `<` follows, a semicolon always ends a URL or a
    /// parameter, and what comes after a parameter without exactly one `=` is left out.
    #[must_use]
    pub fn parse_header(value: &str) -> Vec<Self> {
        let value = value.trim_matches(QUOTES);
        if value.is_empty() { Vec::new() } else { split(value).map(Self::parse).collect() }
    }

    /// Where it leads: as written, not joined to the response's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How it is related: the parameter `rel`, if there is one that is not empty.
    #[must_use]
    pub fn rel(&self) -> Option<&str> {
        self.params().find(|(name, value)| *name == "rel" && !value.is_empty()).map(|(_, value)| value)
    }

    /// The parameters, `rel` among them, in order: each name once, with its last value.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn parse(link: &str) -> Self {
        let (url, rest) = link.split_once(';').unwrap_or((link, ""));
        let mut params: Vec<(String, String)> = Vec::new();
        for param in rest.split(';') {
            let Some((name, value)) = param.split_once('=').filter(|(_, value)| !value.contains('=')) else { break };
            let (name, value) = (name.trim_matches(QUOTES), value.trim_matches(QUOTES).to_owned());
            match params.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = value,
                None => params.push((name.to_owned(), value)),
            }
        }
        Self { url: url.trim_matches(['<', '>', ' ', '\'', '"']).to_owned(), params }
    }
}

const QUOTES: [char; 3] = [' ', '\'', '"'];

/// The links of a value: cut at each comma that a `<` follows, blanks between them or not.
fn split(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let cut = value.match_indices(',').find_map(|(at, _)| {
            let next = value[at + 1..].trim_start_matches(' ').strip_prefix('<')?;
            Some((&value[..at], next))
        });
        let (link, next) = cut.map_or((value, None), |(link, next)| (link, Some(next)));
        rest = next;
        Some(link)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Vec<(String, Vec<(String, String)>)> {
        Link::parse_header(value).into_iter().map(|link| (link.url, link.params)).collect()
    }

    // RESP-32, UTIL-06: as recorded from requests
    #[test]
    fn links_are_read_as_in_requests() {
        type Params<'a> = &'a [(&'a str, &'a str)];
        let table: &[(&str, &[(&str, Params<'_>)])] = &[
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
            ("<http://x/1>; REL=\"next\"", &[("http://x/1", &[("REL", "next")])]),
            ("<http://x/1;a=b>; rel=next", &[("http://x/1", &[("a", "b>"), ("rel", "next")])]),
            (
                "<a>; rel=\"1\",<b>; rel=2,   <c>,d, <e>",
                &[("a", &[("rel", "1")]), ("b", &[("rel", "2")]), ("c>,d", &[]), ("e", &[])],
            ),
            ("<a>; x=1; flag; rel=next", &[("a", &[("x", "1")])]),
            ("<a>; x=1=2; rel=next", &[("a", &[])]),
            ("<a>; rel=; y=\" z \"; =w", &[("a", &[("rel", ""), ("y", "z"), ("", "w")])]),
            ("<a>; rel=x; b=c; rel=y", &[("a", &[("rel", "y"), ("b", "c")])]),
            ("<a>,", &[("a>,", &[])]),
            ("", &[]),
            (" '\" ", &[]),
        ];
        for (value, want) in table {
            let want: Vec<_> = want
                .iter()
                .map(|(url, params)| {
                    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                    ((*url).to_owned(), params.collect())
                })
                .collect();
            assert_eq!(parsed(value), want, "{value}");
        }
    }

    #[test]
    fn rel_is_the_parameter_of_that_spelling_unless_empty() {
        for (value, want) in
            [("<a>; rel=next", Some("next")), ("<a>; REL=next", None), ("<a>; rel=\"\"", None), ("<a>", None)]
        {
            assert_eq!(Link::parse_header(value)[0].rel(), want, "{value}");
        }
    }
}
