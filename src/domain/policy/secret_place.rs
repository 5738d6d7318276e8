//! Names of places that hold a secret: AWS secret ids, absolute paths, and the one name for ever
//! that each has in the journal.

use std::path::{Component, Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Store;
use crate::domain::ids::{BadId, MAX_ID_BYTES, SecretKey};
use crate::domain::secret::Digest;

/// AWS: the name of a secret has 1 to 512 characters, a `SecretId` parameter 1 to 2048.
const MAX_NAME_CHARS: usize = 512;
const MAX_ARN_CHARS: usize = 2048;
/// Linux: `PATH_MAX`.
const MAX_PATH_BYTES: usize = 4096;

/// Characters of a path and of an AWS id that stay readable in a [`SecretKey`].
const ESCAPED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'_')
    .remove(b'+')
    .remove(b'=')
    .remove(b'.')
    .remove(b'@')
    .remove(b'-')
    .remove(b':');

/// Why a text names no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    #[error("must have 1 to 512 characters, or 1 to 2048 as an ARN")]
    Length,
    #[error("may hold only letters, digits, and /_+=.@-")]
    NameCharacter,
    #[error("must look like arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX")]
    ArnShape,
    #[error("must be a region such as us-west-2")]
    Region,
    #[error("must be an absolute path")]
    Relative,
    #[error("must not hold `..`")]
    Parent,
    #[error("must name a file")]
    NoFile,
    #[error("must be shorter than 4096 bytes and hold no control character")]
    PathText,
}

/// An ARN's parts that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    pub region: &'a str,
    /// With the suffix of a hyphen and six characters that AWS appends.
    name: &'a str,
}

impl<'a> Arn<'a> {
    /// `None` when the text is a plain name.
    fn of(secret_id: &'a str) -> Option<Result<Self, BadPlace>> {
        let rest = secret_id.strip_prefix("arn:")?;
        let parts: Vec<&str> = rest.splitn(6, ':').collect();
        let arn = match *parts.as_slice() {
            [partition, "secretsmanager", region, account, "secret", name]
                if partition.starts_with("aws")
                    && check_region(region).is_ok()
                    && account.len() == 12
                    && account.chars().all(|c| c.is_ascii_digit()) =>
            {
                check_name(name).map(|()| Self { region, name })
            }
            _ => Err(BadPlace::ArnShape),
        };
        Some(arn)
    }

    /// The name as people give it.
    fn plain_name(self) -> &'a str {
        match self.name.rsplit_once('-') {
            Some((name, suffix)) if suffix.len() == 6 && !name.is_empty() => name,
            _ => self.name,
        }
    }
}

/// Checks an AWS secret's name or ARN, and returns the region that an ARN names.
///
/// # Errors
/// When AWS would refuse it.
pub fn check_secret_id(text: &str) -> Result<Option<&str>, BadPlace> {
    if text.is_empty() || text.len() > MAX_ARN_CHARS {
        return Err(BadPlace::Length);
    }
    match Arn::of(text) {
        Some(arn) => arn.map(|arn| Some(arn.region)),
        None => check_name(text).map(|()| None),
    }
}

fn check_name(name: &str) -> Result<(), BadPlace> {
    if name.is_empty() || name.len() > MAX_NAME_CHARS {
        return Err(BadPlace::Length);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.chars().all(allowed) { Ok(()) } else { Err(BadPlace::NameCharacter) }
}

/// Checks the shape of an AWS region's name; whether it exists is for AWS to say.
///
/// # Errors
/// When it cannot be one.
pub fn check_region(text: &str) -> Result<(), BadPlace> {
    let shaped = text.len() <= 32
        && text.split('-').count() >= 3
        && text.split('-').all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
    if shaped { Ok(()) } else { Err(BadPlace::Region) }
}

/// Checks the path of a file store and writes it in one way (`/a//./b` is `/a/b`).
///
/// # Errors
/// When it is not absolute, climbs, or names no file.
pub fn check_path(text: &str) -> Result<PathBuf, BadPlace> {
    if text.len() >= MAX_PATH_BYTES || text.chars().any(char::is_control) {
        return Err(BadPlace::PathText);
    }
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err(BadPlace::Relative);
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(BadPlace::Parent);
    }
    let plain: PathBuf = path.components().collect();
    let names_file = plain.file_name().is_some() && !text.ends_with('/') && !text.ends_with("/.");
    if names_file { Ok(plain) } else { Err(BadPlace::NoFile) }
}

/// Whether two stores are certainly, or as far as can be told offline, one secret. An ARN and a
/// plain name in its region are taken for one.
#[must_use]
pub fn same_secret(a: &Store, b: &Store) -> bool {
    identity(a) == identity(b)
}

/// What [`same_secret`] compares, in a form that sorts.
#[must_use]
pub fn identity(store: &Store) -> (String, PathBuf) {
    match store {
        Store::AwsSecretsManager { secret_id, region, .. } => {
            let name = match Arn::of(secret_id) {
                Some(Ok(arn)) => arn.plain_name(),
                _ => secret_id.as_str(),
            };
            (format!("aws:{}:{name}", region.as_deref().unwrap_or_default()), PathBuf::new())
        }
        Store::File { path, .. } => ("file".to_owned(), path.clone()),
    }
}

/// The one name of a store's secret: readable, printable, and at most [`MAX_ID_BYTES`] long. Odd
/// characters are percent-encoded; of a long name the end is replaced by a digest of the whole.
///
/// # Errors
/// Never for a store that came out of a checked policy.
pub fn secret_key(store: &Store) -> Result<SecretKey, BadId> {
    let whole = match store {
        Store::AwsSecretsManager { secret_id, region, .. } => {
            let region = region.as_deref().unwrap_or("default");
            format!("aws_secrets_manager:{region}:{}", utf8_percent_encode(secret_id, &ESCAPED))
        }
        Store::File { path, .. } => {
            let bytes = path.as_os_str().as_encoded_bytes();
            format!("file:{}", percent_encoding::percent_encode(bytes, &ESCAPED))
        }
    };
    if whole.len() <= MAX_ID_BYTES {
        return SecretKey::new(whole);
    }
    let digest = String::from(Digest::of("rekeyd/secret-key/1", &whole));
    // All ASCII by now; a tilde is always percent-encoded, so no short name looks like this.
    let head: String = whole.chars().take(MAX_ID_BYTES - digest.len() - 1).collect();
    SecretKey::new(format!("{head}~{digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Fields;

    fn fields() -> Fields {
        Fields { client_id: "clientId".into(), client_secret: "clientSecret".into() }
    }
    fn file(path: &str) -> Store {
        Store::File { path: path.into(), fields: fields() }
    }
    fn aws(secret_id: &str, region: Option<&str>) -> Store {
        let (secret_id, region) = (secret_id.to_owned(), region.map(str::to_owned));
        Store::AwsSecretsManager { secret_id, region, fields: fields() }
    }
    fn key(store: &Store) -> String {
        secret_key(store).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_path_with_odd_characters_still_has_a_key() {
        assert_eq!(key(&file("/a b/ü%\n~.json")), "file:/a%20b/%C3%BC%25%0A%7E.json");
        assert_eq!(key(&file("/var/lib/x.json")), "file:/var/lib/x.json");
        assert_eq!(key(&aws("prod/ion", None)), "aws_secrets_manager:default:prod/ion");
    }

    #[test]
    fn long_paths_have_keys_that_differ() {
        let (a, b) = (format!("/{}/a", "x".repeat(4000)), format!("/{}/b", "x".repeat(4000)));
        assert_eq!(key(&file(&a)).len(), MAX_ID_BYTES);
        assert_ne!(key(&file(&a)), key(&file(&b)));
        assert_eq!(key(&file(&a)), key(&file(&a)));
    }

    #[test]
    fn secret_ids_are_as_aws_documents_them() {
        let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/ion-AbCdEf";
        assert_eq!(check_secret_id(arn), Ok(Some("us-west-2")));
        assert_eq!(
            check_secret_id("arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:x"),
            Ok(Some("us-gov-west-1"))
        );
        assert_eq!(check_secret_id("a/B_+=.@-9"), Ok(None));
        for (text, why) in [
            ("", BadPlace::Length),
            ("a b", BadPlace::NameCharacter),
            ("a:b", BadPlace::NameCharacter),
            ("ü", BadPlace::NameCharacter),
            ("arn:aws:s3:::bucket", BadPlace::ArnShape),
            ("arn:aws:secretsmanager:us-west-2:12:secret:x", BadPlace::ArnShape),
            ("arn:aws:secretsmanager:us-west-2:123456789012:secret:", BadPlace::Length),
        ] {
            assert_eq!(check_secret_id(text), Err(why), "{text}");
        }
        assert_eq!(check_secret_id(&"a".repeat(512)), Ok(None));
        assert_eq!(check_secret_id(&"a".repeat(513)), Err(BadPlace::Length));
        assert_eq!(check_secret_id(&"a".repeat(2049)), Err(BadPlace::Length));
    }

    #[test]
    fn paths_are_absolute_and_do_not_climb() {
        assert_eq!(check_path("/a//./b.json"), Ok("/a/b.json".into()));
        for (text, why) in [
            ("a.json", BadPlace::Relative),
            ("./a.json", BadPlace::Relative),
            ("~/a.json", BadPlace::Relative),
            ("/a/../b.json", BadPlace::Parent),
            ("/", BadPlace::NoFile),
            ("/a/", BadPlace::NoFile),
            ("/a/.", BadPlace::NoFile),
            ("/a\0b", BadPlace::PathText),
        ] {
            assert_eq!(check_path(text), Err(why), "{text}");
        }
        assert_eq!(check_path(&format!("/{}", "a".repeat(4095))), Err(BadPlace::PathText));
    }

    #[test]
    fn an_arn_and_a_name_in_its_region_are_one_secret() {
        let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/ion-AbCdEf";
        let named = aws("prod/ion", Some("us-west-2"));
        assert!(same_secret(&aws(arn, Some("us-west-2")), &named));
        assert!(!same_secret(&aws(arn, Some("us-west-2")), &aws("prod/io", Some("us-west-2"))));
        assert!(!same_secret(&named, &aws("prod/ion", Some("eu-central-1"))));
        assert!(!same_secret(&file("/a"), &file("/b")));
    }
}
