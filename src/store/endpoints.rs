//! Endpoints' accounts in the store.

use sqlx::SqliteConnection;

use super::{
    EndpointRecord, Secret, Store, StoreError, announce,
    names::{self, Owner},
    secret::SecretKey,
    unix_ms,
};

impl Store {
    /// Adds an account. The password is what the device is given: SIP digests are derived from it.
    pub async fn add_endpoint(&self, name: &str, password: &Secret) -> Result<EndpointRecord, StoreError> {
        let name = names::check(name)?;
        check_password(password)?;
        let mut transaction = self.write().await?;
        names::check_free(&mut transaction, &name).await?;
        let now = unix_ms();
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO endpoints (name, password, secret_key, created, changed) VALUES ($1, $2, $3, $4, $4) RETURNING id",
        )
        .bind(&name)
        .bind(Vec::new())
        .bind(self.key.id())
        .bind(now)
        .fetch_one(&mut *transaction)
        .await?;
        sqlx::query("UPDATE endpoints SET password = $1 WHERE id = $2")
            .bind(self.key.seal(password, &record(id), PASSWORD))
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        names::claim(&mut transaction, &name, Owner::Endpoint(id)).await?;
        announce(&mut transaction, "endpoints").await?;
        transaction.commit().await?;
        Ok(EndpointRecord { id, name, password: password.clone(), created: now })
    }

    /// Removes an account with its bindings.
    pub async fn remove_endpoint(&self, name: &str) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let removed = sqlx::query("DELETE FROM endpoints WHERE name = $1")
            .bind(names::fold(name))
            .execute(&mut *transaction)
            .await?;
        if removed.rows_affected() == 0 {
            return Err(StoreError::NoEndpoint(name.to_owned()));
        }
        announce(&mut transaction, "endpoints").await?;
        Ok(transaction.commit().await?)
    }
}

pub(super) async fn load(
    connection: &mut SqliteConnection,
    key: &SecretKey,
) -> Result<Vec<EndpointRecord>, StoreError> {
    let rows: Vec<(i64, String, Vec<u8>, i64)> =
        sqlx::query_as("SELECT id, name, password, created FROM endpoints ORDER BY name")
            .fetch_all(connection)
            .await?;
    let read = |(id, name, password, created): (i64, String, Vec<u8>, i64)| {
        let password = key.open(&password, &record(id), PASSWORD)?;
        Ok(EndpointRecord { id, name, password, created })
    };
    rows.into_iter().map(read).collect()
}

const PASSWORD: &str = "password";

fn record(id: i64) -> String {
    format!("endpoint/{id}")
}

fn check_password(password: &Secret) -> Result<(), StoreError> {
    let text = password.expose();
    if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
        return Err(StoreError::Rule("the password must have 1 to 128 characters on one line".to_owned()));
    }
    Ok(())
}
