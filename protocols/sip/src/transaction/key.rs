//! Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3).

use crate::message::{Method, Request, Response};

/// Names a client transaction: the branch that we made, and the method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey {
    branch: String,
    method: Method,
}

impl ClientKey {
    /// The key of a request of ours that carries this branch.
    pub fn new(branch: &str, method: Method) -> Self {
        Self { branch: branch.to_owned(), method }
    }

    /// The transaction that a response answers, or none if it cannot be one of ours.
    pub fn of(response: &Response) -> Option<Self> {
        let via = response.headers.top_via().ok()?;
        let method = response.headers.cseq().ok()?.method;
        Some(Self { branch: via.rfc3261_branch()?.to_owned(), method })
    }
}

/// Names a server transaction. ACK has the key of the INVITE that it confirms; CANCEL has a transaction of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerKey {
    kind: Kind,
    method: Method,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Branch {
        branch: String,
        sent_by: String,
    },
    /// A peer of RFC 2543: no magic cookie, so the request itself is the name. The To tag is left out, for an ACK
    /// carries the tag of our response where its INVITE had none.
    Legacy {
        uri: String,
        from_tag: Option<String>,
        call_id: String,
        cseq: u32,
        via: String,
    },
}

impl ServerKey {
    /// The transaction of a request whose From, Call-ID, CSeq and Via have been read before; none if they are not
    /// readable.
    pub fn of(request: &Request) -> Option<Self> {
        let method = if request.method == Method::Ack { Method::Invite } else { request.method.clone() };
        Self::with_method(request, method)
    }

    /// The INVITE that a CANCEL is for (§9.2).
    pub fn cancelled_by(cancel: &Request) -> Option<Self> {
        Self::with_method(cancel, Method::Invite)
    }

    fn with_method(request: &Request, method: Method) -> Option<Self> {
        let via = request.headers.top_via().ok()?;
        let sent_by = format!("{}:{}", via.host, via.port_or_default()).to_ascii_lowercase();
        let kind = match via.rfc3261_branch() {
            Some(branch) => Kind::Branch { branch: branch.to_owned(), sent_by },
            None => Kind::Legacy {
                uri: request.uri.to_string(),
                from_tag: request.headers.from().ok()?.tag().map(str::to_owned),
                call_id: request.headers.call_id().ok()?.to_owned(),
                cseq: request.headers.cseq().ok()?.number,
                via: format!("{sent_by};{}", via.branch().unwrap_or_default()),
            },
        };
        Some(Self { kind, method })
    }
}
