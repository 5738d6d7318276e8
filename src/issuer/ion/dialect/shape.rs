//! The shapes of types as introspection tells them.

use serde::Deserialize;

#[derive(Deserialize)]
pub(in crate::issuer::ion) struct Roots {
    #[serde(rename = "__schema")]
    pub(in crate::issuer::ion) schema: Option<SchemaRoots>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::issuer::ion) struct SchemaRoots {
    pub(in crate::issuer::ion) query_type: Option<TypeRef>,
    pub(in crate::issuer::ion) mutation_type: Option<TypeRef>,
}

#[derive(Deserialize)]
pub(super) struct OneType {
    #[serde(rename = "__type")]
    pub(super) found: Option<TypeShape>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(in crate::issuer::ion) struct TypeShape {
    fields: Option<Vec<Field>>,
    input_fields: Option<Vec<Argument>>,
}

#[derive(Deserialize)]
pub(in crate::issuer::ion) struct Field {
    name: String,
    pub(in crate::issuer::ion) args: Option<Vec<Argument>>,
    #[serde(rename = "type")]
    pub(in crate::issuer::ion) kind: Option<TypeRef>,
}

#[derive(Deserialize)]
pub(in crate::issuer::ion) struct Argument {
    pub(in crate::issuer::ion) name: String,
    #[serde(rename = "type")]
    pub(in crate::issuer::ion) kind: Option<TypeRef>,
}

/// A type inside its wrappers (non-null, list), which have no name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::issuer::ion) struct TypeRef {
    pub(in crate::issuer::ion) name: Option<String>,
    of_type: Option<Box<TypeRef>>,
}

impl TypeRef {
    pub(in crate::issuer::ion) fn base(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| self.of_type.as_ref()?.base())
    }
}

impl TypeShape {
    pub(in crate::issuer::ion) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().flatten().find(|field| field.name == name)
    }
    pub(in crate::issuer::ion) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }
    pub(in crate::issuer::ion) fn input(&self, name: &str) -> Option<&Argument> {
        self.input_fields.iter().flatten().find(|field| field.name == name)
    }
}

impl Field {
    pub(in crate::issuer::ion) fn base(&self) -> Option<&str> {
        self.kind.as_ref()?.base()
    }
    pub(in crate::issuer::ion) fn takes(&self, name: &str) -> bool {
        self.args.iter().flatten().any(|argument| argument.name == name)
    }
}
