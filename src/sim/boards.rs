//! The kinds of boards: what a Raspberry Pi of each model tells Kubernetes about itself.
//!
//! It holds no state. Invariant: figures are those of real boards with Raspberry Pi OS and k3s.

use super::scenario::BoardModel;

/// What is fixed for a model.
#[derive(Debug)]
pub(crate) struct Board {
    /// As `/proc/device-tree/model` says it.
    pub(crate) model: &'static str,
    pub(crate) arch: &'static str,
    pub(crate) memory_ki: u64,
    pub(crate) disk_ki: u64,
    pub(crate) kernel: &'static str,
    pub(crate) os_image: &'static str,
    /// Processor load when nothing special happens, in thousandths of a core.
    pub(crate) idle_millicores: u64,
}

static PI3: Board = Board {
    model: "Raspberry Pi 3 Model B Plus Rev 1.3",
    arch: "arm",
    memory_ki: 942_080,
    disk_ki: 30_529_536,
    kernel: "6.6.51+rpt-rpi-v7",
    os_image: "Raspbian GNU/Linux 12 (bookworm)",
    idle_millicores: 420,
};

const PI4: Board = Board {
    model: "Raspberry Pi 4 Model B Rev 1.4",
    arch: "arm64",
    memory_ki: 3_884_904,
    disk_ki: 61_156_264,
    kernel: "6.12.34+rpt-rpi-v8",
    os_image: "Debian GNU/Linux 12 (bookworm)",
    idle_millicores: 310,
};

static PI4_8G: Board = Board {
    memory_ki: 7_997_292,
    ..PI4
};

const PI5: Board = Board {
    model: "Raspberry Pi 5 Model B Rev 1.0",
    arch: "arm64",
    memory_ki: 8_256_112,
    disk_ki: 244_140_625,
    kernel: "6.12.34+rpt-rpi-2712",
    os_image: "Debian GNU/Linux 12 (bookworm)",
    idle_millicores: 240,
};

static PI5_16G: Board = Board {
    memory_ki: 16_608_272,
    ..PI5
};

impl BoardModel {
    pub(crate) fn board(self) -> &'static Board {
        match self {
            Self::Pi3 => &PI3,
            Self::Pi4 => &PI4,
            Self::Pi4With8G => &PI4_8G,
            Self::Pi5 => &PI5,
            Self::Pi5With16G => &PI5_16G,
        }
    }
}
