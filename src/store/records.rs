//! What the running server writes behind: bindings, so that they survive a restart, and call records.

use super::{Store, StoreError, unix_ms};

/// One contact of an endpoint, as its registration left it (RFC 3261 §10.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingRecord {
    /// The endpoint's name.
    pub account: String,
    /// The Contact URI.
    pub contact: String,
    /// Unix ms.
    pub expires: i64,
    /// `udp`, `tcp` or `tls`.
    pub transport: String,
    /// Our socket address that the registration came to.
    pub local: String,
    /// The socket address that it came from.
    pub remote: String,
    /// The Path header field (RFC 3327), if the registration came by proxies.
    pub path: Option<String>,
    pub call_id: String,
    pub cseq: i64,
    /// Thousandths.
    pub q: i64,
    /// `+sip.instance` and `reg-id` (RFC 5626).
    pub instance: Option<String>,
    pub reg_id: Option<i64>,
    pub user_agent: Option<String>,
}

/// One leg that has ended. Times are Unix ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    pub leg: String,
    /// Call-ID or the like.
    pub trace: String,
    /// `endpoint` or `browser`.
    pub kind: String,
    pub caller: String,
    /// What was dialled, without PIN.
    pub dialled: String,
    pub account: Option<String>,
    /// The room's address.
    pub room: Option<String>,
    pub role: Option<String>,
    pub started: i64,
    pub answered: Option<i64>,
    pub seated: Option<i64>,
    pub ended: i64,
    pub reason: String,
}

type Row = (
    String,
    String,
    i64,
    String,
    String,
    String,
    Option<String>,
    String,
    i64,
    i64,
    Option<String>,
    Option<i64>,
    Option<String>,
);

impl Store {
    /// Replaces all bindings of an account; those of an account that has been removed are dropped.
    pub async fn save_bindings(&self, account: &str, bindings: &[BindingRecord]) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        sqlx::query("DELETE FROM bindings WHERE account = $1")
            .bind(account)
            .execute(&mut *transaction)
            .await?;
        for binding in bindings {
            sqlx::query(
                "INSERT INTO bindings (account, contact, expires, transport, local, remote, path, call_id, cseq, q, \
                 instance, reg_id, user_agent) \
                 SELECT name, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 FROM endpoints WHERE name = $1 \
                 ON CONFLICT (account, contact) DO NOTHING",
            )
            .bind(account)
            .bind(&binding.contact)
            .bind(binding.expires)
            .bind(&binding.transport)
            .bind(&binding.local)
            .bind(&binding.remote)
            .bind(&binding.path)
            .bind(&binding.call_id)
            .bind(binding.cseq)
            .bind(binding.q)
            .bind(&binding.instance)
            .bind(binding.reg_id)
            .bind(&binding.user_agent)
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    pub async fn remove_bindings(&self, account: &str) -> Result<(), StoreError> {
        self.save_bindings(account, &[]).await
    }

    /// The bindings that have not expired, to be restored at start.
    pub async fn load_bindings(&self) -> Result<Vec<BindingRecord>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT account, contact, expires, transport, local, remote, path, call_id, cseq, q, instance, reg_id, \
             user_agent FROM bindings WHERE expires > $1 ORDER BY account, contact",
        )
        .bind(unix_ms())
        .fetch_all(&self.reader)
        .await?;
        let read = |row: Row| {
            let (
                account,
                contact,
                expires,
                transport,
                local,
                remote,
                path,
                call_id,
                cseq,
                q,
                instance,
                reg_id,
                user_agent,
            ) = row;
            BindingRecord {
                account,
                contact,
                expires,
                transport,
                local,
                remote,
                path,
                call_id,
                cseq,
                q,
                instance,
                reg_id,
                user_agent,
            }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    pub async fn save_call(&self, call: &CallRecord) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO cdr (leg, trace, kind, caller, dialled, account, room, role, started, answered, seated, ended, \
             reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(&call.leg)
        .bind(&call.trace)
        .bind(&call.kind)
        .bind(&call.caller)
        .bind(&call.dialled)
        .bind(&call.account)
        .bind(&call.room)
        .bind(&call.role)
        .bind(call.started)
        .bind(call.answered)
        .bind(call.seated)
        .bind(call.ended)
        .bind(&call.reason)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// The latest calls, newest first.
    pub async fn load_calls(&self, most: u32) -> Result<Vec<CallRecord>, StoreError> {
        type CallRow = (
            String,
            String,
            String,
            String,
            String,
            Option<String>,
            Option<String>,
            Option<String>,
            i64,
            Option<i64>,
            Option<i64>,
            i64,
            String,
        );
        let rows: Vec<CallRow> = sqlx::query_as(
            "SELECT leg, trace, kind, caller, dialled, account, room, role, started, answered, seated, ended, reason \
             FROM cdr ORDER BY id DESC LIMIT $1",
        )
        .bind(i64::from(most))
        .fetch_all(&self.reader)
        .await?;
        let read = |row: CallRow| {
            let (
                leg,
                trace,
                kind,
                caller,
                dialled,
                account,
                room,
                role,
                started,
                answered,
                seated,
                ended,
                reason,
            ) = row;
            CallRecord {
                leg,
                trace,
                kind,
                caller,
                dialled,
                account,
                room,
                role,
                started,
                answered,
                seated,
                ended,
                reason,
            }
        };
        Ok(rows.into_iter().map(read).collect())
    }
}
