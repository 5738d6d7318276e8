//! Which URLs credentials may be sent to. Must never quote one: it may hold a password.

use url::{Host, Url};

/// Keycloak's path below an ION auth server, from the vendor's documentation.
const TOKEN_PATH: &str = "/realms/api-keys/protocol/openid-connect/token";
const GRAPHQL_PATH: &str = "/graphql";

/// Why a URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("is not a URL such as \"https://auth.example.com\"")]
    Malformed,
    #[error("must begin with https://")]
    Scheme,
    #[error("must begin with https://; http:// is for 127.0.0.0/8, ::1, and localhost only")]
    PlainText,
    #[error("must not hold a user name or a password")]
    Credentials,
    #[error("must not hold a query or a fragment")]
    Query,
    #[error("already holds a path below /realms/")]
    WholeTokenUrl,
}

/// The token endpoint below an auth server's base URL, which may hold a path prefix.
///
/// # Errors
/// When the URL is refused.
pub fn token_url_below(auth_url: &str) -> Result<String, BadUrl> {
    let base = checked(auth_url)?;
    if base.contains("/realms/") {
        return Err(BadUrl::WholeTokenUrl);
    }
    Ok(format!("{base}{TOKEN_PATH}"))
}

/// The GraphQL endpoint of an API's base URL; a URL that already ends in `/graphql` is kept.
///
/// # Errors
/// When the URL is refused.
pub fn graphql_url(api_url: &str) -> Result<String, BadUrl> {
    let base = checked(api_url)?;
    Ok(if base.ends_with(GRAPHQL_PATH) { base } else { format!("{base}{GRAPHQL_PATH}") })
}

/// A URL that credentials may be sent to, without a slash at its end.
///
/// # Errors
/// When the URL is refused.
pub fn checked(text: &str) -> Result<String, BadUrl> {
    let url = Url::parse(text).map_err(|_| BadUrl::Malformed)?;
    let loopback = match url.host().ok_or(BadUrl::Malformed)? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(BadUrl::PlainText),
        _ => return Err(BadUrl::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadUrl::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(BadUrl::Query);
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auth_url_keeps_its_path_prefix() {
        for (auth_url, token_url) in [
            (
                "https://auth.example.com",
                "https://auth.example.com/realms/api-keys/protocol/openid-connect/token",
            ),
            (
                "https://auth.example.com/auth/",
                "https://auth.example.com/auth/realms/api-keys/protocol/openid-connect/token",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/realms/api-keys/protocol/openid-connect/token",
            ),
        ] {
            assert_eq!(token_url_below(auth_url).as_deref(), Ok(token_url));
        }
        assert_eq!(
            token_url_below("https://a.example/realms/api-keys/protocol/openid-connect/token"),
            Err(BadUrl::WholeTokenUrl)
        );
    }

    #[test]
    fn an_api_url_ends_in_graphql_once() {
        for api_url in ["https://api.example.com", "https://api.example.com/graphql/"] {
            assert_eq!(graphql_url(api_url).as_deref(), Ok("https://api.example.com/graphql"));
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for url in
            ["http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]:80/x", "http://localhost"]
        {
            assert!(checked(url).is_ok(), "{url}");
        }
        for url in [
            "http://example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://[::ffff:127.0.0.1]",
            "http://0.0.0.0",
        ] {
            assert_eq!(checked(url), Err(BadUrl::PlainText), "{url}");
        }
    }

    #[test]
    fn what_is_no_plain_url_is_refused() {
        for (url, why) in [
            ("", BadUrl::Malformed),
            ("auth.example.com", BadUrl::Malformed),
            ("https://", BadUrl::Malformed),
            ("file:///etc/passwd", BadUrl::Malformed),
            ("ftp://example.com", BadUrl::Scheme),
            ("https://user@example.com", BadUrl::Credentials),
            ("https://user:word@example.com", BadUrl::Credentials),
            ("https://:word@example.com", BadUrl::Credentials),
            ("https://example.com/?a=b", BadUrl::Query),
            ("https://example.com/#a", BadUrl::Query),
        ] {
            assert_eq!(checked(url), Err(why), "{url}");
        }
    }
}
