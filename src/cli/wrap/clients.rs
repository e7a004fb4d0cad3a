//! Where MCP clients keep their configuration, as their documentation says.

use crate::cli::CliError;
use clap::ValueEnum;
use std::path::PathBuf;

/// A client with a JSON configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Claude Desktop.
    ClaudeDesktop,
    /// Claude Code: the servers of the user.
    ClaudeCode,
    /// VS Code: the servers of the user.
    Vscode,
    /// Cursor.
    Cursor,
    /// Windsurf.
    Windsurf,
    /// Zed.
    Zed,
    /// Gemini CLI.
    Gemini,
    /// Cline in VS Code.
    Cline,
}

impl Client {
    /// Where its configuration is below the home directory: on macOS, and elsewhere.
    const fn places(self) -> [&'static str; 2] {
        match self {
            Self::ClaudeDesktop => [
                "Library/Application Support/Claude/claude_desktop_config.json",
                ".config/Claude/claude_desktop_config.json",
            ],
            Self::ClaudeCode => [".claude.json", ".claude.json"],
            Self::Vscode => [
                "Library/Application Support/Code/User/mcp.json",
                ".config/Code/User/mcp.json",
            ],
            Self::Cursor => [".cursor/mcp.json", ".cursor/mcp.json"],
            Self::Windsurf => [
                ".codeium/windsurf/mcp_config.json",
                ".codeium/windsurf/mcp_config.json",
            ],
            Self::Zed => [".config/zed/settings.json", ".config/zed/settings.json"],
            Self::Gemini => [".gemini/settings.json", ".gemini/settings.json"],
            Self::Cline => [
                "Library/Application Support/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
                ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
            ],
        }
    }

    /// Its configuration.
    ///
    /// # Errors
    /// There is no home directory.
    pub fn config(self) -> Result<PathBuf, CliError> {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let home = home.filter(|home| home.is_absolute());
        let home = home.ok_or_else(|| CliError::unusable("`HOME` is no absolute path"))?;
        let [on_mac, elsewhere] = self.places();
        Ok(home.join(match cfg!(target_os = "macos") {
            true => on_mac,
            false => elsewhere,
        }))
    }
}
