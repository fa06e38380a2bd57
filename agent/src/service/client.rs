//! The same interface from the other side: `tayberryctl` and tests.

/// What `tayberryctl` and other clients call.
#[zbus::proxy(
    interface = "io.tayberry.Agent1",
    default_service = "io.tayberry.Agent1",
    default_path = "/io/tayberry/Agent1"
)]
pub trait Agent {
    /// Version of the agent and of the operating system.
    #[zbus(property)]
    fn version(&self) -> zbus::Result<String>;
    /// The slot whose system partition is mounted at `/`.
    #[zbus(property)]
    fn booted_slot(&self) -> zbus::Result<String>;
    /// The slot that the firmware will boot next.
    #[zbus(property)]
    fn default_slot(&self) -> zbus::Result<String>;
    /// Whether this boot is a trial.
    #[zbus(property)]
    fn trial(&self) -> zbus::Result<bool>;
    /// The state in words.
    #[zbus(property)]
    fn state(&self) -> zbus::Result<String>;
    /// Device name of the disk.
    #[zbus(property)]
    fn disk(&self) -> zbus::Result<String>;
    /// Root hash of the system partition.
    #[zbus(property)]
    fn root_hash(&self) -> zbus::Result<String>;
    /// Stages of this boot and their lengths in milliseconds.
    #[zbus(property)]
    fn boot_stages(&self) -> zbus::Result<Vec<(String, u64)>>;
    /// Temperature of the processor in degrees Celsius, read anew each time.
    #[zbus(property(emits_changed_signal = "false"))]
    fn soc_temperature(&self) -> zbus::Result<f64>;
    /// Counts up whenever another certificate should be asked for.
    #[zbus(property)]
    fn certificates(&self) -> zbus::Result<u32>;
    /// How far an update is, as JSON.
    #[zbus(property)]
    fn updates(&self) -> zbus::Result<String>;
    /// Whether services of the stack are being changed.
    #[zbus(property)]
    fn stack_busy(&self) -> zbus::Result<bool>;
    /// Answers a request as JSON with an outcome as JSON.
    fn ask(&self, from: (&str, &str), credential: &str, request: &str) -> zbus::Result<String>;
    /// Takes a `Delivery` from a file descriptor.
    fn receive(
        &self,
        from: (&str, &str),
        credential: &str,
        delivery: &str,
        file: zbus::Fd<'_>,
    ) -> zbus::Result<String>;
    /// A certificate chain for a public key; DER.
    fn certify(&self, public_key: &[u8]) -> zbus::Result<Vec<Vec<u8>>>;
}
