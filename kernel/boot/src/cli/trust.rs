//! What can be typed about the ledger: proofs, checks, statements, keys.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Place;

/// `urbis prove`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProveCommand {
    /// All assets in an area, or their number, as a file that anyone can check
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples:\n  urbis prove area --bbox 116.30,39.98,116.32,39.99 --data ./city --out haidian.area\n  \
            urbis prove area --cell G001310322-230 --count --server http://127.0.0.1:8080 --out count.area"
    )]
    Area(ProveAreaArgs),
}

/// `urbis prove area`.
#[derive(Debug, Args)]
pub(crate) struct ProveAreaArgs {
    /// The area: west, south, east, north in degrees
    #[arg(
        long,
        value_name = "W,S,E,N",
        allow_hyphen_values = true,
        required_unless_present = "cell",
        conflicts_with = "cell"
    )]
    pub(crate) bbox: Option<String>,
    /// The area as GeoSOT cells; several times for several
    #[arg(long, value_name = "CODE")]
    pub(crate) cell: Vec<String>,
    /// Prove how many there are, by grade, and name none
    #[arg(long)]
    pub(crate) count: bool,
    /// Of what
    #[command(flatten)]
    pub(crate) place: Place,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// API key for --server
    #[arg(long, env = "URBIS_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

/// `urbis verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// receipt, area, audit or credential [default: receipt], and the file; of an audit the folder of the ledger
    #[arg(required = true, num_args = 1..=2, value_name = "[WHAT] FILE")]
    pub(crate) what: Vec<String>,
    /// The log's public key (DATA/log.pub)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// With an area: a receipt that must not contradict it; the two together would convict the log
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// With a receipt: the public key of a witness that must have signed; several times for several
    #[arg(long, value_name = "VKEY")]
    pub(crate) witness: Vec<String>,
    /// With a credential: the receipt of a revocation that may be of it
    #[arg(long, value_name = "FILE")]
    pub(crate) revocation: Option<PathBuf>,
    /// With a credential of a did:web: the DID document of its issuer
    #[arg(long, value_name = "FILE")]
    pub(crate) document: Option<PathBuf>,
}

/// `urbis audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// `urbis rotate-key`.
#[derive(Debug, Args)]
pub(crate) struct RotateKeyArgs {
    /// Data folder, not served
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// `urbis identity`.
#[derive(Debug, Args)]
pub(crate) struct IdentityArgs {
    /// The file of the secret key; made, readable by you alone, where there is none
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// What can be done with an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deed {
    /// It is yours from now on, where it is nobody's
    Register,
    /// Other rights to it, or what it was made of
    Update,
    /// It is somebody else's from now on
    Transfer,
    /// Somebody else keeps it from now on
    Custody,
    /// What it is worth
    Evaluate,
    /// How sensitive it is
    Grade,
    /// It is gone
    Retire,
    /// A credential that you issued holds no longer
    Revoke,
}

/// `urbis asset`.
#[derive(Debug, Args)]
pub(crate) struct AssetArgs {
    /// What is done
    pub(crate) deed: Deed,
    /// The asset's id
    pub(crate) asset: String,
    /// Address of a running urbis
    #[arg(long, value_name = "URL")]
    pub(crate) server: String,
    /// The file of your secret key (`urbis identity`)
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// API key of the server
    #[arg(long, env = "URBIS_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// To whom, a DID (transfer, custody)
    #[arg(long, value_name = "DID")]
    pub(crate) to: Option<String>,
    /// A right: what, whose, and until when; all rights that there are from now on (register, update)
    #[arg(long, value_name = "TYPE=DID[@TIME]")]
    pub(crate) right: Vec<String>,
    /// general-1 to general-4, important or core (grade)
    #[arg(long, requires = "basis")]
    pub(crate) grade: Option<String>,
    /// By which rule (grade)
    #[arg(long)]
    pub(crate) basis: Option<String>,
    /// What it is worth: a number and a currency, such as "120000 CNY" (evaluate)
    #[arg(long, value_name = "AMOUNT CURRENCY", requires = "method")]
    pub(crate) value: Option<String>,
    /// How that was found (evaluate)
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// The credential's id (revoke)
    #[arg(long)]
    pub(crate) credential: Option<String>,
    /// Where to write the receipt
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
