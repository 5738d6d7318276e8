//! What an issuer's API says of itself. Holds no secret.

/// The answer to being asked what there is (GraphQL: introspection).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Survey {
    /// It does not let itself be asked; it is spoken to as its vendor documents.
    Untold,
    Told(Offers),
}

/// What there is, beside what is documented. The texts are for a person: names of operations and
/// fields, as short phrases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// Documented, needed for a rotation, and not there.
    pub lacking: Vec<String>,
    /// There in another form than documented, which is used instead.
    pub differing: Vec<String>,
    /// Not documented, there, and made use of.
    pub beyond: Vec<&'static str>,
}
