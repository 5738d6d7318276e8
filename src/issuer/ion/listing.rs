//! The organisation's keys, page by page where the tenant has pages.
//! Must never call a list complete that may lack a key: deletes are proven by absence from it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Ion;
use super::call::{Answer, request_body};
use super::dialect::ListForm;
use super::failure::{Failure, Operation};
use super::meaning::Meaning;
use super::operations::{
    ListApiKeys, ListApiKeysEnabled, ListApiKeysExtended, ListApiKeysPaged,
    ListApiKeysPagedEnabled, list_api_keys, list_api_keys_enabled, list_api_keys_extended,
    list_api_keys_paged, list_api_keys_paged_enabled,
};
use super::scalars::text_of;
use crate::domain::facts::{ListedKey, Listing};
use crate::domain::ids::{Etag, KeyId};
use crate::domain::secret::Credential;
use crate::port::Class;

const PAGE_SIZE: i64 = 100;
const MAX_PAGES: usize = 200;
/// A server that ignores the page size does not fill our memory.
const MAX_KEYS: usize = 50_000;
/// What all pages together may take.
const MAX_LIST_MS: i64 = 120_000;

/// The richest answer's types fit every form: what was not asked for is absent.
type Page = list_api_keys_extended::ResponseData;
type Edge = list_api_keys_extended::ListApiKeysExtendedApiKeysEdges;
type Node = list_api_keys_extended::ListApiKeysExtendedApiKeysEdgesNode;

/// Keys as they are gathered.
#[derive(Default)]
struct Gathered {
    keys: BTreeMap<KeyId, ListedKey>,
    flawed: bool,
    numeric_etags: bool,
}

/// Where a page says that the next one begins.
enum Next {
    End,
    After(String),
    /// It says nothing usable.
    Lost,
}

impl Ion {
    /// Every key that the list shows. Falls back to simpler forms where the server turns one down.
    pub(super) async fn list_keys(&self, actor: &Credential) -> Result<Listing, Failure> {
        let dialect = self.dialect(actor).await;
        let mut form = dialect.list;
        let mut unknown_fields = false;
        // At most one turn a form.
        loop {
            let outcome = self.pages(actor, form).await;
            let turned_down = match &outcome {
                Ok((_, partial)) => *partial,
                Err(failure) => {
                    unknown_fields |= failure.meaning == Some(Meaning::Validation);
                    matches!(failure.meaning, Some(Meaning::Validation | Meaning::Denied))
                }
            };
            if let Some(simpler) = form.simpler().filter(|_| turned_down) {
                form = simpler;
                continue;
            }
            if unknown_fields && outcome.is_ok() {
                self.dialect.simplify(form).await;
            }
            let (mut listing, _) = outcome?;
            listing.complete &= form.is_paged() || !dialect.pages;
            return Ok(listing);
        }
    }

    /// All pages in one form; also whether an answer came with errors beside its data.
    async fn pages(&self, actor: &Credential, form: ListForm) -> Result<(Listing, bool), Failure> {
        let until_ms = self.clock.stamp().boottime_ms.saturating_add(MAX_LIST_MS);
        let mut gathered = Gathered::default();
        let mut seen = std::collections::BTreeSet::new();
        let mut after = None;
        let mut complete = false;
        for _ in 0..MAX_PAGES {
            let mut answer = self.page(actor, form, after.take()).await?;
            let Some(list) = answer.data.take().and_then(|page| page.api_keys) else {
                return Err(self.no_list(&answer));
            };
            let next = gathered.take_in(form, list);
            if answer.errors.is_some() {
                return Ok((gathered.finish(self, false), true));
            }
            match next {
                Next::End => complete = true,
                Next::After(cursor) if seen.insert(cursor.clone()) => after = Some(cursor),
                // Round in circles, or a page that hides the way on.
                Next::After(_) | Next::Lost => {}
            }
            let overrun =
                gathered.keys.len() > MAX_KEYS || self.clock.stamp().boottime_ms >= until_ms;
            if after.is_none() || overrun {
                break;
            }
        }
        Ok((gathered.finish(self, complete), false))
    }

    async fn page(
        &self,
        actor: &Credential,
        form: ListForm,
        after: Option<String>,
    ) -> Result<Answer<Page>, Failure> {
        let first = Some(PAGE_SIZE);
        let body = match form {
            ListForm::Documented => request_body::<ListApiKeys>(list_api_keys::Variables),
            ListForm::Enabled => {
                request_body::<ListApiKeysEnabled>(list_api_keys_enabled::Variables)
            }
            ListForm::Paged => {
                request_body::<ListApiKeysPaged>(list_api_keys_paged::Variables { first, after })
            }
            ListForm::PagedEnabled => {
                request_body::<ListApiKeysPagedEnabled>(list_api_keys_paged_enabled::Variables {
                    first,
                    after,
                })
            }
            ListForm::Extended => {
                request_body::<ListApiKeysExtended>(list_api_keys_extended::Variables {
                    first,
                    after,
                })
            }
        };
        self.read(Operation::ListApiKeys, actor, body?).await
    }

    fn no_list(&self, answer: &Answer<Page>) -> Failure {
        let operation = Operation::ListApiKeys;
        match answer.errors {
            Some(errors) => self.by_errors(operation, errors, answer),
            None => {
                let words = "answered without a list";
                self.failure(operation, Class::Unknown, Some(Meaning::Other), None, words)
            }
        }
    }
}

impl Gathered {
    fn take_in(
        &mut self,
        form: ListForm,
        list: list_api_keys_extended::ListApiKeysExtendedApiKeys,
    ) -> Next {
        match list.edges {
            Some(edges) => edges.into_iter().for_each(|edge| self.take_edge(edge)),
            None => self.flawed = true,
        }
        if !form.is_paged() {
            return Next::End;
        }
        let Some(info) = list.page_info else { return Next::Lost };
        match (info.has_next_page.and_then(|flag| flag.0), text_of(info.end_cursor)) {
            (Some(false), _) => Next::End,
            (Some(true), Some(cursor)) => Next::After(cursor),
            _ => Next::Lost,
        }
    }

    fn take_edge(&mut self, edge: Option<Edge>) {
        let Some(node) = edge.and_then(|edge| edge.node) else {
            self.flawed = true;
            return;
        };
        self.numeric_etags |= node.etag.as_ref().is_some_and(|etag| etag.numeric);
        match listed(node) {
            Some(key) => match self.keys.get(&key.key) {
                Some(known) if *known != key => self.flawed = true,
                Some(_) => {}
                None => {
                    self.keys.insert(key.key.clone(), key);
                }
            },
            None => self.flawed = true,
        }
    }

    fn finish(self, ion: &Ion, complete: bool) -> Listing {
        if self.numeric_etags {
            ion.dialect.saw_numeric_etags();
        }
        Listing { complete: complete && !self.flawed, keys: self.keys.into_values().collect() }
    }
}

fn listed(node: Node) -> Option<ListedKey> {
    let creator = node.created_by.and_then(|user| text_of(user.id).or(text_of(user.email)));
    Some(ListedKey {
        key: KeyId::new(text_of(node.client_id)?).ok()?,
        etag: text_of(node.etag).and_then(|text| Etag::new(text).ok()),
        enabled: node.enabled.and_then(|flag| flag.0),
        created_ms: text_of(node.created).and_then(|text| created_ms(&text)),
        created_by: creator,
    })
}

/// RFC 3339; a time without a zone is taken as UTC, as servers that leave it out mean it.
fn created_ms(text: &str) -> Option<i64> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    let civil: DateTime = text.parse().ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creation_time_is_read_with_and_without_a_zone() {
        assert_eq!(created_ms("2026-04-20T10:00:00Z"), Some(1_776_679_200_000));
        assert_eq!(created_ms("2026-04-20T12:00:00.250+02:00"), Some(1_776_679_200_250));
        assert_eq!(created_ms("2026-04-20T10:00:00"), Some(1_776_679_200_000));
        assert_eq!(created_ms("yesterday"), None);
        assert_eq!(created_ms("1776679200"), None);
    }
}
