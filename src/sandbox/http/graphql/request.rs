//! What a request asks for, read from its document alone, for the ledger and the faults.

use async_graphql::Request;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, Selection};

use super::super::super::ledger::CallKind;

/// Introspection is judged before the schema sees it; operations tell for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Introspection,
    Operation(CallKind),
}

impl Asked {
    pub(super) fn kind(self) -> CallKind {
        match self {
            Self::Introspection => CallKind::Introspection,
            Self::Operation(kind) => kind,
        }
    }
}

/// The first root field decides; introspection is what asks for nothing else.
pub(super) fn operation_of(request: &Request) -> Asked {
    let fields = root_fields(request);
    if !fields.is_empty() && fields.iter().all(|name| name == "__schema" || name == "__type") {
        return Asked::Introspection;
    }
    let kind = fields.iter().find_map(|name| match name.as_str() {
        "createApiKey" => Some(CallKind::CreateApiKey),
        "apiKeys" => Some(CallKind::ApiKeys),
        "updateApiKey" => Some(CallKind::UpdateApiKey),
        "deleteApiKey" => Some(CallKind::DeleteApiKey),
        "currentUser" => Some(CallKind::CurrentUser),
        _ => None,
    });
    Asked::Operation(kind.unwrap_or(CallKind::Other))
}

fn root_fields(request: &Request) -> Vec<String> {
    let Ok(document) = parse_query(&request.query) else { return Vec::new() };
    let operation = match &document.operations {
        DocumentOperations::Single(operation) => Some(operation),
        DocumentOperations::Multiple(operations) => match &request.operation_name {
            Some(name) => operations.get(name.as_str()),
            None => None,
        },
    };
    let Some(operation) = operation else { return Vec::new() };
    let selections = operation.node.selection_set.node.items.iter();
    let names = selections.filter_map(|selection| match &selection.node {
        Selection::Field(field) => Some(field.node.name.node.to_string()),
        _ => None,
    });
    names.collect()
}
