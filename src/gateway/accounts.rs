//! Endpoint accounts as digests want them, and bindings as the store wants them.

use std::{sync::Arc, time::Duration, time::Instant};

use roomgate_sip::endpoint::{Accounts, Path, StoredBinding, Transport};

use super::{Gateway, Output};
use crate::store::{BindingRecord, Directory};

/// The directory's endpoints, by name.
pub(super) struct DirectoryAccounts(pub(super) Arc<Directory>);

impl Accounts for DirectoryAccounts {
    fn password(&self, username: &str) -> Option<String> {
        self.0.endpoint(username).map(|endpoint| endpoint.password.expose().to_owned())
    }
}

impl Gateway {
    pub(super) fn save_bindings(&mut self, account: String, bindings: &[StoredBinding]) {
        tracing::info!(account, contacts = bindings.len(), "registration");
        if bindings.is_empty() {
            self.bindings.remove(&account);
        } else {
            self.bindings.insert(account.clone(), bindings.len());
        }
        let bindings = bindings.iter().map(|binding| record(&account, binding, self.unix_ms)).collect();
        self.out.push_back(Output::SaveBindings { account, bindings });
    }

    /// Puts back what outlived the last process. What cannot be read is left out: the device will register again.
    pub(super) fn restore_bindings(&mut self, now: Instant, records: Vec<BindingRecord>) {
        let mut accounts = std::collections::BTreeMap::<String, Vec<StoredBinding>>::new();
        for record in records {
            if self.directory.endpoint(&record.account).is_none() {
                continue;
            }
            match stored(&record, self.unix_ms) {
                Some(binding) => accounts.entry(record.account).or_default().push(binding),
                None => tracing::warn!(account = record.account, "a stored binding cannot be read"),
            }
        }
        for (account, bindings) in accounts {
            self.bindings.insert(account.clone(), bindings.len());
            self.sip.restore(now, &account, bindings);
        }
    }
}

fn record(account: &str, binding: &StoredBinding, unix_ms: i64) -> BindingRecord {
    let lasts = i64::try_from(binding.expires_in.as_millis()).unwrap_or(i64::MAX);
    BindingRecord {
        account: account.to_owned(),
        contact: binding.contact.clone(),
        expires: unix_ms.saturating_add(lasts),
        transport: binding.path.transport.as_param().to_owned(),
        local: binding.path.local.to_string(),
        remote: binding.path.remote.to_string(),
        path: None,
        call_id: binding.call_id.clone(),
        cseq: i64::from(binding.cseq),
        q: 1000,
        instance: None,
        reg_id: None,
        user_agent: None,
    }
}

fn stored(record: &BindingRecord, unix_ms: i64) -> Option<StoredBinding> {
    let transport = match record.transport.as_str() {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        _ => return None,
    };
    let path = Path {
        transport,
        local: record.local.parse().ok()?,
        remote: record.remote.parse().ok()?,
        connection: None,
    };
    let lasts = u64::try_from(record.expires.checked_sub(unix_ms)?).ok()?;
    Some(StoredBinding {
        contact: record.contact.clone(),
        call_id: record.call_id.clone(),
        cseq: u32::try_from(record.cseq).ok()?,
        expires_in: Duration::from_millis(lasts),
        path,
    })
}
