//! Regions: a secret is in its own, and in those of its replicas, which can lag.

use aws_sdk_secretsmanager::types::{ReplicaRegionType, StatusType};
use rekeyd::sandbox::{ReplicaStatus, SecretEdit};

use super::{Aws, SECRET, client, code, refused, version};

const AWAY: &str = "eu-central-1";

#[tokio::test]
async fn a_secret_is_not_in_other_regions() {
    let aws = Aws::new().await;
    let away = client(&aws.bench, AWAY);
    let described = away.describe_secret().secret_id(SECRET).send().await;
    assert_eq!(code(described), refused("ResourceNotFoundException"));
}

#[tokio::test]
async fn a_replica_serves_reads_only_and_what_it_had_while_it_lags() {
    let aws = Aws::new().await;
    let away = client(&aws.bench, AWAY);
    let region = ReplicaRegionType::builder().region(AWAY).build();
    let replicate = || {
        let replicate = aws.client.replicate_secret_to_regions().secret_id(SECRET);
        replicate.add_replica_regions(region.clone()).send()
    };
    replicate().await.unwrap();
    assert_eq!(code(replicate().await), refused("InvalidParameterException"));
    let text = async || {
        let got = away.get_secret_value().secret_id(SECRET).send().await.unwrap();
        got.secret_string().unwrap().to_owned()
    };
    let status = async || {
        let described = aws.client.describe_secret().secret_id(SECRET).send().await.unwrap();
        described.replication_status()[0].status().cloned()
    };
    aws.put(&version(1), "one", &[]).await.unwrap();
    assert_eq!((text().await.as_str(), status().await), ("one", Some(StatusType::InSync)));

    let lag = |status| SecretEdit::Replica { region: AWAY.into(), status };
    aws.edit(lag(ReplicaStatus::InProgress)).unwrap();
    aws.put(&version(2), "two", &[]).await.unwrap();
    assert_eq!((text().await.as_str(), status().await), ("one", Some(StatusType::InProgress)));
    assert_eq!(aws.text("AWSCURRENT").await.unwrap(), "two");
    aws.edit(lag(ReplicaStatus::InSync)).unwrap();
    assert_eq!((text().await.as_str(), status().await), ("two", Some(StatusType::InSync)));

    let put = away.put_secret_value().secret_id(SECRET).secret_string("x").send().await;
    assert_eq!(code(put), refused("InvalidRequestException"));
    let delete = || aws.client.delete_secret().secret_id(SECRET).send();
    assert_eq!(code(delete().await), refused("InvalidRequestException"));
    let remove = aws.client.remove_regions_from_replication().secret_id(SECRET);
    remove.remove_replica_regions(AWAY).send().await.unwrap();
    delete().await.unwrap();
}
