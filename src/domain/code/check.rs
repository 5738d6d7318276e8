//! The codes of what only `check --online` finds; where another code means the same, it has that.

use super::named;

named! {
    /// Something about a server, an account, or this machine that a person has to mend or to know.
    pub enum Check {
        AuthUnreachable = "check/auth_unreachable",
        Realm = "check/realm",
        ApiUnreachable = "check/api_unreachable",
        ApiAddress = "check/api_address",
        StoreUnreachable = "check/store_unreachable",
        Region = "check/region",
        Credentials = "check/credentials",
        SecretMissing = "check/secret_missing",
        StoreDenied = "check/store_denied",
        KmsDenied = "check/kms_denied",
        Actor = "check/actor",
        IdentityUntold = "check/identity_untold",
        RightsUnclear = "check/rights_unclear",
        ListIncomplete = "check/list_incomplete",
        EtagsMissing = "check/etags_missing",
        SchemaLacks = "check/schema_lacks",
        SchemaDiffers = "check/schema_differs",
        Canary = "check/canary",
        NoWitness = "check/no_witness",
    }
}
