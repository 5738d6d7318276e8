//! First Resonance ION's environments, by the App URI that people see in their browser.
//! From the vendor's documentation of its API hosts; every host can be overridden in a policy.

/// One App URI and the hosts that serve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IonEnvironment {
    pub app: &'static str,
    auth_host: &'static str,
    api_host: &'static str,
}

impl IonEnvironment {
    /// What `auth_url` would say.
    #[must_use]
    pub fn auth_url(&self) -> String {
        format!("https://{}", self.auth_host)
    }

    /// What `api_url` would say.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("https://{}", self.api_host)
    }
}

const fn row(app: &'static str, auth_host: &'static str, api_host: &'static str) -> IonEnvironment {
    IonEnvironment { app, auth_host, api_host }
}

/// Every known environment.
pub const ENVIRONMENTS: [IonEnvironment; 9] = [
    row("app.firstresonance.io", "auth.buildwithion.com", "api.buildwithion.com"),
    row(
        "staging.firstresonance.io",
        "staging-auth.buildwithion.com",
        "staging-api.buildwithion.com",
    ),
    row(
        "sandbox.firstresonance.io",
        "staging-auth.buildwithion.com",
        "staging-api.buildwithion.com",
    ),
    row(
        "app.ion-gov.com",
        "auth-production-gov.buildwithion.com",
        "api-production-gov.buildwithion.com",
    ),
    row(
        "staging.ion-gov.com",
        "auth-staging-gov.buildwithion.com",
        "api-staging-gov.buildwithion.com",
    ),
    row(
        "sandbox.ion-gov.com",
        "auth-staging-gov.buildwithion.com",
        "api-staging-gov.buildwithion.com",
    ),
    row(
        "app.ion-aus.com",
        "auth-production-aus.buildwithion.com",
        "api-production-aus.buildwithion.com",
    ),
    row(
        "staging.ion-aus.com",
        "auth-staging-aus.buildwithion.com",
        "api-staging-aus.buildwithion.com",
    ),
    row(
        "sandbox.ion-aus.com",
        "auth-staging-aus.buildwithion.com",
        "api-staging-aus.buildwithion.com",
    ),
];

/// The environment of an App URI, as written in the table.
#[must_use]
pub fn find(app: &str) -> Option<&'static IonEnvironment> {
    ENVIRONMENTS.iter().find(|environment| environment.app == app)
}

/// All App URIs.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ENVIRONMENTS.iter().map(|environment| environment.app).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Typed a second time from the vendor's page, so that a slip in the table shows.
    #[test]
    fn all_six_rows_of_the_vendors_table_are_known() {
        let page = "\
staging.firstresonance.io, sandbox.firstresonance.io | staging-auth.buildwithion.com | https://staging-api.buildwithion.com
app.firstresonance.io | auth.buildwithion.com | https://api.buildwithion.com
staging.ion-gov.com, sandbox.ion-gov.com | auth-staging-gov.buildwithion.com | https://api-staging-gov.buildwithion.com
app.ion-gov.com | auth-production-gov.buildwithion.com | https://api-production-gov.buildwithion.com
staging.ion-aus.com, sandbox.ion-aus.com | auth-staging-aus.buildwithion.com | https://api-staging-aus.buildwithion.com
app.ion-aus.com | auth-production-aus.buildwithion.com | https://api-production-aus.buildwithion.com";
        let mut seen = 0;
        for line in page.lines() {
            let cells: Vec<&str> = line.split(" | ").collect();
            for app in cells[0].split(", ") {
                let environment = find(app).unwrap_or_else(|| panic!("{app} is not known"));
                assert_eq!(environment.auth_url(), format!("https://{}", cells[1]), "{app}");
                assert_eq!(environment.api_url(), cells[2], "{app}");
                seen += 1;
            }
        }
        assert_eq!(seen, ENVIRONMENTS.len());
    }
}
