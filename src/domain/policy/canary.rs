//! Which GraphQL documents may serve as a canary: one query that changes nothing, needs no
//! variables, and never asks for a secret.

use graphql_parser::query::{
    Definition, Document, OperationDefinition, Selection, SelectionSet, parse_query,
};

/// What is asked of a new key unless a policy says otherwise: the vendor's documented smoke query.
pub const DEFAULT: &str = "query { currentUser { id organization { id } } }";

/// More canaries than this make every verification slow.
pub const MAX_CANARIES: usize = 16;
/// Longest canary.
pub const MAX_BYTES: usize = 8 * 1024;

/// Why a text cannot be a canary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCanary {
    #[error("is longer than 8 KiB")]
    TooLong,
    #[error("is not a GraphQL document: {0}")]
    Syntax(String),
    #[error("is a {0}; only a query changes nothing")]
    NotAQuery(&'static str),
    #[error("must hold exactly one query")]
    NotOne,
    #[error("needs the variable `${0}`, and a canary is sent without variables")]
    Variable(String),
    #[error("asks for `clientSecret`; a list of keys must never be asked for their secrets")]
    Secret,
}

/// Checks one canary.
///
/// # Errors
/// When it may not be sent.
pub fn check(text: &str) -> Result<(), BadCanary> {
    if text.len() > MAX_BYTES {
        return Err(BadCanary::TooLong);
    }
    let document: Document<'_, &str> = parse_query(text).map_err(|error| {
        let words: Vec<String> = error.to_string().split_whitespace().map(str::to_owned).collect();
        let said = words.join(" ");
        BadCanary::Syntax(said.strip_prefix("query parse error: ").unwrap_or(&said).to_owned())
    })?;
    let mut queries = 0;
    for definition in &document.definitions {
        let selection = match definition {
            Definition::Fragment(fragment) => &fragment.selection_set,
            Definition::Operation(operation) => {
                queries += 1;
                query_selection(operation)?
            }
        };
        if asks_for_secret(selection) {
            return Err(BadCanary::Secret);
        }
    }
    if queries == 1 { Ok(()) } else { Err(BadCanary::NotOne) }
}

fn query_selection<'d, 'q>(
    operation: &'d OperationDefinition<'q, &'q str>,
) -> Result<&'d SelectionSet<'q, &'q str>, BadCanary> {
    match operation {
        OperationDefinition::SelectionSet(selection) => Ok(selection),
        OperationDefinition::Query(query) => {
            match query.variable_definitions.iter().find(|v| v.default_value.is_none()) {
                Some(variable) => Err(BadCanary::Variable(variable.name.to_owned())),
                None => Ok(&query.selection_set),
            }
        }
        OperationDefinition::Mutation(_) => Err(BadCanary::NotAQuery("mutation")),
        OperationDefinition::Subscription(_) => Err(BadCanary::NotAQuery("subscription")),
    }
}

/// Recursion is bounded by the parser, which refuses more than 50 levels.
fn asks_for_secret<'q>(selection: &SelectionSet<'q, &'q str>) -> bool {
    selection.items.iter().any(|item| match item {
        Selection::Field(field) => {
            field.name == "clientSecret" || asks_for_secret(&field.selection_set)
        }
        Selection::InlineFragment(fragment) => asks_for_secret(&fragment.selection_set),
        Selection::FragmentSpread(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_accepted() {
        for text in [
            DEFAULT,
            "{ currentUser { id } }",
            "query Q($n: Int = 3) { parts(first: $n) { edges { node { id } } } }",
            "query { currentUser { ...U } } fragment U on User { id }",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_changes_something_or_asks_for_a_secret_is_refused() {
        for (text, why) in [
            ("mutation { createApiKey { apikey { clientId } } }", BadCanary::NotAQuery("mutation")),
            (
                "query { a } mutation { createApiKey { apikey { clientId } } }",
                BadCanary::NotAQuery("mutation"),
            ),
            ("subscription { a }", BadCanary::NotAQuery("subscription")),
            ("query A { a } query B { b }", BadCanary::NotOne),
            ("fragment U on User { id }", BadCanary::NotOne),
            ("query($id: ID!) { part(id: $id) { id } }", BadCanary::Variable("id".to_owned())),
            ("{ apiKeys { edges { node { x: clientSecret } } } }", BadCanary::Secret),
            ("{ apiKeys { ... on K { clientSecret } } }", BadCanary::Secret),
            ("{ a { ...F } } fragment F on K { clientSecret }", BadCanary::Secret),
        ] {
            assert_eq!(check(text), Err(why), "{text}");
        }
        assert!(matches!(check("query {"), Err(BadCanary::Syntax(_))));
        assert!(matches!(check(""), Err(BadCanary::Syntax(_))));
        assert_eq!(check(&"a".repeat(MAX_BYTES + 1)), Err(BadCanary::TooLong));
    }

    #[test]
    fn deep_nesting_is_refused_not_overflowed() {
        let deep = format!("{}{}", "{a".repeat(2000), "}".repeat(2000));
        assert!(matches!(check(&deep), Err(BadCanary::Syntax(_))));
        let lists = format!("{{ a(x: {}", "[".repeat(8000));
        assert!(matches!(check(&lists), Err(BadCanary::Syntax(_))));
    }
}
