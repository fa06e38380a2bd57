//! Lines of the header, by the kernel's character device: the chip by its label, the line by its number (BCM).

use std::path::PathBuf;

use gpiocdev::line::{Bias, EdgeDetection, Value};
use gpiocdev::tokio::AsyncRequest;
use gpiocdev::{Chip, Request};

/// Label of the Pi 5's chip with the header's lines (Linux, drivers/pinctrl/pinctrl-rp1.c).
const CHIP: &str = "pinctrl-rp1";
/// Whose the line is, for others who ask.
const CONSUMER: &str = "tayberryd";

/// A line that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GpioError {
    /// No such chip: another board, or its driver is missing.
    #[error("there is no GPIO chip {CHIP}")]
    NoChip,
    /// The kernel refuses.
    #[error("GPIO line {line}: {error}")]
    Line {
        /// Its number.
        line: u32,
        /// The reason.
        error: gpiocdev::Error,
    },
}

/// A button between a line and ground.
pub struct Button {
    line: u32,
    request: AsyncRequest,
}

impl Button {
    /// Takes the line, pulled up.
    ///
    /// # Errors
    /// When there is no such chip, or somebody else has the line.
    pub fn open(line: u32) -> Result<Self, GpioError> {
        let chip = chip()?;
        let request = Request::builder()
            .on_chip(chip)
            .with_consumer(CONSUMER)
            .with_line(line)
            .as_input()
            .as_active_low()
            .with_bias(Bias::PullUp)
            .with_edge_detection(EdgeDetection::BothEdges)
            .request();
        let request = request.map_err(|error| GpioError::Line { line, error })?;
        Ok(Self { line, request: AsyncRequest::new(request) })
    }

    /// Whether it is pressed.
    ///
    /// # Errors
    /// When the line cannot be read.
    pub fn is_pressed(&self) -> Result<bool, GpioError> {
        let value = self.request.as_ref().lone_value();
        value.map(|value| value == Value::Active).map_err(|error| GpioError::Line { line: self.line, error })
    }

    /// Waits for a change.
    ///
    /// # Errors
    /// When the line is gone.
    pub async fn changed(&self) -> Result<(), GpioError> {
        let event = self.request.read_edge_event().await;
        event.map(drop).map_err(|error| GpioError::Line { line: self.line, error })
    }
}

/// Takes a line as an output that is high.
///
/// # Errors
/// When there is no such chip, or somebody else has the line.
pub fn output(line: u32) -> Result<Request, GpioError> {
    let request = Request::builder()
        .on_chip(chip()?)
        .with_consumer(CONSUMER)
        .with_line(line)
        .as_output(Value::Active)
        .request();
    request.map_err(|error| GpioError::Line { line, error })
}

fn chip() -> Result<PathBuf, GpioError> {
    let is_ours = |path: &PathBuf| {
        Chip::from_path(path).and_then(|chip| chip.info()).is_ok_and(|info| info.label == CHIP)
    };
    gpiocdev::chip::chips().unwrap_or_default().into_iter().find(is_ours).ok_or(GpioError::NoChip)
}
