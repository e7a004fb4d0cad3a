//! What is done to a tenant's files: some of it is good, some is not.

use super::model::Content;
use super::scene::{archive, data, extra, files, more, replace, rules};
use crate::differential::Random;
use std::path::{Path, PathBuf};

/// The files of a tenant.
#[derive(Clone, Debug)]
pub struct Disk {
    tenant: &'static str,
    /// What the good parts say.
    good: Content,
    /// The part that is broken, if one is.
    broken: Option<Part>,
    /// The number of the next part: no number is used twice.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Rules,
    Data,
    Extra,
    More,
}

const PARTS: [Part; 4] = [Part::Rules, Part::Data, Part::Extra, Part::More];

/// One change of one file, in one step.
#[derive(Debug)]
pub struct Edit {
    pub what: String,
    path: PathBuf,
    /// `None`: the file is deleted.
    bytes: Option<Vec<u8>>,
}

impl Edit {
    pub fn make(&self, dir: &Path) {
        match &self.bytes {
            Some(bytes) => replace(dir, &self.path, bytes),
            None => std::fs::remove_file(dir.join(&self.path)).unwrap(),
        }
    }
}

impl Disk {
    pub fn new(tenant: &'static str) -> Self {
        let good = Content {
            rules: 1,
            data: 1,
            writes: false,
            extra: None,
            more: 1,
        };
        Self {
            tenant,
            good,
            broken: None,
            next: 2,
        }
    }

    /// What the files say; `None` if they are not to be loaded.
    pub fn content(&self) -> Option<Content> {
        self.broken.is_none().then(|| self.good.clone())
    }

    /// What they would say if nothing was broken.
    pub fn good(&self) -> &Content {
        &self.good
    }

    /// The next change.
    pub fn edit(&mut self, random: &mut Random) -> Edit {
        match self.broken {
            Some(part) if random.percent(70) => self.mend(part, random),
            // A file that cannot be read hides whatever else is changed.
            Some(Part::More) => self.mend(Part::More, random),
            Some(broken) => {
                let others = PARTS.map(|part| (part != broken).then_some(part));
                let others: Vec<Part> = others.into_iter().flatten().collect();
                self.improve(others[random.below(others.len())], random)
            }
            None if random.percent(40) => self.spoil(PARTS[random.below(4)], random),
            None => self.improve(PARTS[random.below(4)], random),
        }
    }

    /// Only the data: who may write.
    pub fn grant(&mut self) -> Edit {
        self.good.writes = !self.good.writes;
        self.good.data = self.number();
        self.written(Part::Data, "grant")
    }

    /// What makes it good, if it is broken.
    pub fn mended(&mut self, random: &mut Random) -> Option<Edit> {
        self.broken.map(|part| self.mend(part, random))
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn mend(&mut self, part: Part, random: &mut Random) -> Edit {
        self.broken = None;
        match random.percent(50) {
            true => self.written(part, "restore"),
            false => self.improve(part, random),
        }
    }

    fn improve(&mut self, part: Part, random: &mut Random) -> Edit {
        let number = self.number();
        match part {
            Part::Rules => self.good.rules = number,
            Part::Data => {
                self.good.data = number;
                self.good.writes = random.percent(50);
            }
            Part::Extra if self.good.extra.is_some() && random.percent(50) => {
                self.good.extra = None;
            }
            Part::Extra => self.good.extra = Some(number),
            Part::More => self.good.more = number,
        }
        self.written(part, "edit")
    }

    /// The change that makes a part what the content says.
    fn written(&self, part: Part, what: &str) -> Edit {
        let name = self.name(part);
        let path = PathBuf::from(&name);
        let mut files = files(self.tenant, &self.good).into_iter();
        let written = files.find(|(at, _)| *at == path);
        let bytes = written.map(|(_, bytes)| bytes);
        let what = format!("{what} {name}: {:?}", self.good);
        Edit { what, path, bytes }
    }

    fn name(&self, part: Part) -> String {
        let tenant = self.tenant;
        match part {
            Part::Rules => format!("{tenant}/rules.rego"),
            Part::Data => format!("{tenant}/data.json"),
            Part::Extra => format!("{tenant}/extra.rego"),
            Part::More => format!("{tenant}-more.tar.gz"),
        }
    }

    /// A change that must not come into force.
    fn spoil(&mut self, part: Part, random: &mut Random) -> Edit {
        let (tenant, number) = (self.tenant, self.number());
        let first = random.percent(50);
        let (what, bytes) = match (part, first) {
            (Part::Rules, true) => {
                let text = rules(tenant, number) + "allow contains\n";
                ("break the syntax of", text.into_bytes())
            }
            (Part::Rules, false) => {
                let deny = "deny contains \"region\" if input.arguments.region != \"EU\"\n";
                let text = rules(tenant, number) + deny;
                ("let a deny fail open in", text.into_bytes())
            }
            (Part::Data, _) => {
                let mut text = data(tenant, number, true);
                text.truncate(text.len() - 2);
                ("cut", text.into_bytes())
            }
            (Part::Extra, _) => {
                let text = extra(tenant, number).replace("extra", "more");
                ("put in another bundle's package with", text.into_bytes())
            }
            (Part::More, true) => {
                let mut bytes = more(tenant, number);
                bytes.truncate(bytes.len() / 2);
                ("cut", bytes)
            }
            (Part::More, false) => {
                let manifest = r#"{"roots": ["policies/more", "policies/rules"]}"#;
                let policy = extra(tenant, number).replace("extra", "more");
                let files = [(".manifest", manifest), ("more.rego", policy.as_str())];
                ("claim another bundle's packages in", archive(&files))
            }
        };
        self.broken = Some(part);
        let name = self.name(part);
        Edit {
            what: format!("{what} {name} ({number})"),
            path: name.into(),
            bytes: Some(bytes),
        }
    }
}
