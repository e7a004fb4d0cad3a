//! Who asks, and how that is known.

use super::json::Object;

/// A caller as policy sees it in `input.principal`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// The subject that policy and directory know, never empty once authenticated.
    pub id: String,
    /// The human on whose behalf the agent acts, if known.
    pub user: Option<String>,
    /// The agent, if known.
    pub agent: Option<String>,
    /// The client program, if known.
    pub client: Option<String>,
    /// Roles, from the source that `roles_from` names.
    pub roles: Vec<String>,
    /// Attributes, from the same source.
    pub attributes: Object,
    /// Who delegated to whom, outermost first.
    pub delegation: Vec<String>,
    /// How the caller proved who it is.
    pub authenticated_by: AuthenticatedBy,
    /// Where roles and attributes come from; `None` if there are none.
    pub roles_from: Option<RolesFrom>,
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthenticatedBy {
    /// A verified client certificate.
    Mtls,
    /// A verified token.
    Jwt,
    /// The uid of the peer of a Unix socket.
    PeerUid,
    /// Asserted by a caller (shim) that may speak for this subject.
    Shim,
    /// Evaluated in the caller's own process: the operator's own word.
    #[default]
    Local,
}

impl AuthenticatedBy {
    /// Every way.
    pub const ALL: [Self; 5] = [
        Self::Mtls,
        Self::Jwt,
        Self::PeerUid,
        Self::Shim,
        Self::Local,
    ];

    /// The name in `input` and in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::Jwt => "jwt",
            Self::PeerUid => "peer_uid",
            Self::Shim => "shim",
            Self::Local => "local",
        }
    }
}

/// Where roles and attributes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolesFrom {
    /// Claims of the verified token.
    Token,
    /// `data.directory.principals[id]`.
    Directory,
    /// The caller's word, where its grant allows that.
    Shim,
}

impl RolesFrom {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Token, Self::Directory, Self::Shim];

    /// The name in `input` and in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Directory => "directory",
            Self::Shim => "shim",
        }
    }
}
