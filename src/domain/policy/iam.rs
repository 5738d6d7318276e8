//! The permissions at AWS that policies need, as an IAM policy document: what rekeyd calls on the
//! secrets that are named, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ActorSource, Policy, Store};

/// What is called on a policy's own secret.
const ROTATE: [&str; 4] = [
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
];
/// What is called on the secret of a named actor.
const READ: [&str; 2] = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"];

/// The document; `None` where no policy has a secret at AWS.
#[must_use]
pub fn least(policies: &[Policy]) -> Option<Value> {
    let (mut rotated, mut read) = (BTreeSet::new(), BTreeSet::new());
    for policy in policies {
        let region = match &policy.store {
            Store::AwsSecretsManager { secret_id, region, .. } => {
                rotated.insert(resource(secret_id, region.as_deref()));
                region.as_deref()
            }
            Store::File { .. } => None,
        };
        if let ActorSource::SecretId(secret_id) = &policy.issuer.actor {
            read.insert(resource(secret_id, region));
        }
    }
    let read: BTreeSet<String> = read.difference(&rotated).cloned().collect();
    let statement = |sid: &str, actions: &[&str], resources: &BTreeSet<String>| json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources });
    let mut statements = Vec::new();
    if !rotated.is_empty() {
        statements.push(statement("RekeydRotates", &ROTATE, &rotated));
    }
    if !read.is_empty() {
        statements.push(statement("RekeydReadsActors", &READ, &read));
    }
    if statements.is_empty() {
        return None;
    }
    Some(json!({ "Version": "2012-10-17", "Statement": statements }))
}

/// The secret's ARN. AWS appends a hyphen and six characters to a name; what a name does not say
/// (partition, account, and often the region) is left open.
fn resource(secret_id: &str, region: Option<&str>) -> String {
    if secret_id.starts_with("arn:") {
        let suffix = secret_id.rsplit_once('-').map_or("", |(_, suffix)| suffix);
        let whole = suffix.len() == 6 && suffix.chars().all(|c| c.is_ascii_alphanumeric());
        return if whole { secret_id.to_owned() } else { format!("{secret_id}-??????") };
    }
    let region = region.unwrap_or("*");
    format!("arn:{}:secretsmanager:{region}:*:secret:{secret_id}-??????", partition(region))
}

/// By the region's name, as AWS names them.
fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else if region == "*" {
        "*"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_pattern_and_an_arn_stays() {
        let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/ion-AbCdEf";
        for (secret_id, region, wanted) in [
            (arn, Some("us-west-2"), arn),
            (
                "arn:aws:secretsmanager:us-west-2:123456789012:secret:ion",
                Some("us-west-2"),
                "arn:aws:secretsmanager:us-west-2:123456789012:secret:ion-??????",
            ),
            (
                "prod/ion",
                Some("eu-west-1"),
                "arn:aws:secretsmanager:eu-west-1:*:secret:prod/ion-??????",
            ),
            ("prod/ion", None, "arn:*:secretsmanager:*:*:secret:prod/ion-??????"),
            (
                "x",
                Some("us-gov-west-1"),
                "arn:aws-us-gov:secretsmanager:us-gov-west-1:*:secret:x-??????",
            ),
            ("x", Some("cn-north-1"), "arn:aws-cn:secretsmanager:cn-north-1:*:secret:x-??????"),
        ] {
            assert_eq!(resource(secret_id, region), wanted);
        }
    }
}
