//! One server of a client's configuration: how it is started, with the shim and without it.

use super::LIMITS;
use crate::model::json::{Json, JsonError, members, parse};
use crate::shim::splice::{Edit, place_of};

/// Members that say a server is reached over the network.
const URL_MEMBERS: [&str; 4] = ["url", "serverUrl", "httpUrl", "uri"];
/// This program's name, by which a wrapped server is known.
const PROGRAM: &str = "toolgate";

/// What is, or becomes, of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The shim is before it now.
    Wrapped,
    /// The shim was before it, with these options.
    Kept,
    /// The shim is taken away.
    Unwrapped,
    /// There is no shim before it, as asked for.
    Plain,
    /// It is not among those that were named.
    NotAsked,
    /// It is reached over the network.
    OverHttp,
    /// How it is started is not said as a command and texts.
    Unclear,
}

impl State {
    /// Its name, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wrapped => "wrapped",
            Self::Kept => "kept",
            Self::Unwrapped => "unwrapped",
            Self::Plain => "plain",
            Self::NotAsked => "not_asked",
            Self::OverHttp => "over_http",
            Self::Unclear => "unclear",
        }
    }

    /// In words.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Wrapped => "is behind the shim now",
            Self::Kept => "is behind the shim already",
            Self::Unwrapped => "is without the shim again",
            Self::Plain => "has no shim before it",
            Self::NotAsked => "is as it was",
            Self::OverHttp => {
                "is reached over HTTP and NOT governed: put `toolgate shim http` before it, and its \
                 address here"
            }
            Self::Unclear => "has no `command` with texts as `args`, and is NOT governed",
        }
    }

    /// Whether its calls stay undecided though it should be governed.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::OverHttp | Self::Unclear)
    }
}

/// A server, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name in the configuration, which policies know it by.
    pub name: String,
    /// What becomes of it.
    pub state: State,
}

impl Server {
    /// For programs.
    pub fn to_json(&self) -> Json {
        Json::object([("name", self.name.as_str()), ("state", self.state.as_str())])
    }
}

/// How a server is started, and where its entry says so.
pub struct Entry<'a> {
    command: &'a [u8],
    args: Option<&'a [u8]>,
    words: Vec<String>,
}

impl<'a> Entry<'a> {
    /// Of the entry's raw object; the inner error says why it has no command.
    pub fn read(raw: &'a [u8]) -> Result<Result<Self, State>, JsonError> {
        let Ok(members) = members(raw, LIMITS) else {
            return Ok(Err(State::Unclear));
        };
        let find = |wanted: &str| {
            let mut found = members.iter().filter(|(name, _)| name == wanted);
            found.next().map(|(_, value)| *value)
        };
        let Some(command) = find("command") else {
            let is_url = URL_MEMBERS.iter().any(|name| find(name).is_some());
            return Ok(Err(if is_url {
                State::OverHttp
            } else {
                State::Unclear
            }));
        };
        let args = find("args");
        let Some(first) = parse(command, LIMITS)?.as_str().map(str::to_owned) else {
            return Ok(Err(State::Unclear));
        };
        let mut words = vec![first];
        if let Some(args) = args {
            let args = parse(args, LIMITS)?;
            let texts = args.as_array().unwrap_or_default().iter().map(Json::as_str);
            let texts: Option<Vec<_>> = texts.collect();
            match texts.filter(|_| args.as_array().is_some()) {
                Some(texts) => words.extend(texts.into_iter().map(str::to_owned)),
                None => return Ok(Err(State::Unclear)),
            }
        }
        Ok(Ok(Self {
            command,
            args,
            words,
        }))
    }

    /// The server's own command, if the shim is before it.
    fn shimmed(&self) -> Option<&[String]> {
        let [program, shim, stdio, ..] = self.words.as_slice() else {
            return None;
        };
        let program = program.rsplit('/').next();
        if program != Some(PROGRAM) || shim != "shim" || stdio != "stdio" {
            return None;
        }
        let end = self.words.iter().position(|word| word == "--")?;
        self.words.get(end + 1..).filter(|own| !own.is_empty())
    }

    /// With this before it; what is to be edited in `whole`, of which the entry is a part.
    pub fn wrap(&self, whole: &[u8], shim: Vec<String>) -> (State, Option<Vec<Edit>>) {
        let own = self.shimmed().unwrap_or(&self.words);
        let mut words = shim;
        words.push("--".to_owned());
        words.extend(own.iter().cloned());
        match words == self.words {
            true => (State::Kept, Some(Vec::new())),
            false => (State::Wrapped, self.edits(whole, &words)),
        }
    }

    /// Without a shim before it.
    pub fn unwrap(&self, whole: &[u8]) -> (State, Option<Vec<Edit>>) {
        match self.shimmed() {
            Some(own) => (State::Unwrapped, self.edits(whole, own)),
            None => (State::Plain, Some(Vec::new())),
        }
    }

    fn edits(&self, whole: &[u8], words: &[String]) -> Option<Vec<Edit>> {
        let (command, args) = words.split_first()?;
        let mut command = Json::from(command.as_str()).to_bytes();
        let args = Json::array(args.iter().map(String::as_str)).to_bytes();
        let place = place_of(whole, self.command)?;
        let Some(old) = self.args else {
            command.extend_from_slice(b", \"args\": ");
            command.extend_from_slice(&args);
            let with = command;
            return Some(vec![Edit { place, with }]);
        };
        let mut edits = vec![
            Edit {
                place,
                with: command,
            },
            Edit {
                place: place_of(whole, old)?,
                with: args,
            },
        ];
        edits.sort_by_key(|edit| edit.place.start);
        Some(edits)
    }
}
