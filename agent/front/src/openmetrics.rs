//! Readings in the text format of OpenMetrics 1.0, which Prometheus and others collect. Each answer is made of a registry of its own:
//! nothing is counted here.

use std::fmt::{self, Debug};
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tayberry_core::disk::Drive;
use tayberry_core::request::metrics::{Metrics, NetworkUse, ServiceUse};

/// Media type of the answer (OpenMetrics 1.0, "Text Format").
pub(crate) const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A name and a value.
type Labels = Vec<(&'static str, String)>;
type Values = Gauge<f64, AtomicU64>;
type Counts = Counter<f64, AtomicU64>;

/// Metrics under construction.
struct Page(Registry);

impl Page {
    /// A value for each of these.
    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        self.family(name, help, unit, values, |gauge: &Values, value| {
            gauge.set(value);
        });
    }

    /// A count for each of these.
    fn counter(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        counts: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        self.family(name, help, unit, counts, |counter: &Counts, count| {
            counter.inc_by(count);
        });
    }

    fn family<M: EncodeMetric + TypedMetric + Default + Debug + Send + Sync + 'static>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        values: impl IntoIterator<Item = (Labels, f64)>,
        put: fn(&M, f64),
    ) {
        let family = Family::<Labels, M>::default();
        for (labels, value) in values {
            put(&*family.get_or_create(&labels), value);
        }
        match unit {
            Some(unit) => self.0.register_with_unit(name, help, unit, family),
            None => self.0.register(name, help, family),
        }
    }
}

/// The text.
///
/// # Errors
/// None that can happen: it is written to memory.
pub(crate) fn text(metrics: &Metrics) -> Result<String, fmt::Error> {
    let mut page = Page(Registry::with_prefix("tayberry"));
    device(&mut page, metrics);
    drives(&mut page, &metrics.drives);
    networks(&mut page, &metrics.networks);
    services(&mut page, &metrics.services);
    let mut text = String::new();
    encode(&mut text, &page.0)?;
    Ok(text)
}

fn device(page: &mut Page, metrics: &Metrics) {
    let alone = |value: f64| [(Labels::new(), value)];
    page.gauge("version", "The operating system", None, [(vec![("version", metrics.version.clone())], 1.0)]);
    page.gauge("uptime", "Since the kernel started", Some(Unit::Seconds), alone(number(metrics.uptime_s)));
    let processor = metrics.processor;
    page.gauge("processor_cores", "Cores of the processor", None, alone(processor.cores.into()));
    page.counter("processor_busy", "What its cores worked", Some(Unit::Seconds), alone(processor.busy_s));
    page.gauge("load1", "Waiting or running processes over the last minute", None, alone(processor.load));
    for (name, help, room) in
        [("memory", "Memory", metrics.memory), ("data", "Room on the data partition", metrics.data)]
    {
        page.gauge(&format!("{name}_total"), help, Some(Unit::Bytes), alone(number(room.total)));
        page.gauge(&format!("{name}_free"), help, Some(Unit::Bytes), alone(number(room.free)));
    }
    if let Some(cooling) = &metrics.cooling {
        let temperatures =
            cooling.temperatures.iter().map(|one| (vec![("sensor", one.sensor.clone())], one.celsius));
        page.gauge("temperature", "What sensors say", Some(Unit::Celsius), temperatures);
        page.gauge(
            "fan_duty",
            "How hard the fan is driven",
            Some(Unit::Ratios),
            alone(f64::from(cooling.duty_percent) / 100.0),
        );
        let turns = cooling.turns_per_minute.map(|turns| (Labels::new(), f64::from(turns)));
        page.gauge("fan_turns_per_minute", "How fast the fan turns", None, turns);
        let doubts = u32::try_from(cooling.doubts.len()).unwrap_or(u32::MAX);
        page.gauge("fan_doubts", "Reasons why the fan turns fully", None, alone(doubts.into()));
    }
    if let Some(clock) = metrics.clock {
        page.gauge("clock_battery", "Of the clock", Some(Unit::Volts), alone(clock.battery_volts));
    }
    if let Some(supply) = metrics.supply {
        let flag = |name: &str, on: bool| (vec![("condition", name.to_owned())], f64::from(u8::from(on)));
        let flags = [
            flag("under_voltage", supply.under_voltage),
            flag("slowed", supply.slowed),
            flag("under_voltage_since_start", supply.under_voltage_since_start),
            flag("slowed_since_start", supply.slowed_since_start),
        ];
        page.gauge("supply", "What the firmware says of the supply: 1 if it holds", None, flags);
    }
}

/// Name, help, unit and value of what there is of each drive.
type OfDrive = (&'static str, &'static str, Option<Unit>, fn(&Drive) -> Option<f64>);

fn drives(page: &mut Page, drives: &[Drive]) {
    let each = |value: fn(&Drive) -> Option<f64>| {
        drives.iter().filter_map(move |drive| Some((vec![("drive", drive.name.clone())], value(drive)?)))
    };
    for (name, help, unit, value) in drive_values() {
        page.gauge(name, help, unit, each(value));
    }
    for (name, help, unit, value) in drive_counts() {
        page.counter(name, help, unit, each(value));
    }
}

fn drive_values() -> [OfDrive; 4] {
    [
        ("drive_size", "What it holds", Some(Unit::Bytes), |drive| Some(number(drive.bytes))),
        ("drive_warnings", "Reasons to look", None, |drive| {
            u64::try_from(drive.warnings.len()).ok().map(number)
        }),
        ("drive_used", "Share of its life", Some(Unit::Ratios), |drive| share_of(drive.wear?.used_percent)),
        ("drive_spare", "Share of its spare blocks", Some(Unit::Ratios), |drive| {
            share_of(drive.wear?.spare_percent?)
        }),
    ]
}

fn drive_counts() -> [OfDrive; 7] {
    let bytes = || Some(Unit::Bytes);
    [
        ("drive_read", "Since the start", bytes(), |drive| Some(number(drive.read_bytes))),
        ("drive_written", "Since the start", bytes(), |drive| Some(number(drive.written_bytes))),
        ("drive_life_written", "In its life", bytes(), |drive| drive.wear?.written_bytes_ever.map(number)),
        ("drive_media_errors", "What it could not mend", None, |drive| drive.wear?.media_errors.map(number)),
        ("drive_unsafe_shutdowns", "In its life", None, |drive| drive.wear?.unsafe_shutdowns.map(number)),
        ("drive_link_errors", "Of its connection", None, |drive| Some(number(drive.link?.errors))),
        ("drive_file_system_errors", "Of its file systems", None, |drive| {
            Some(number(drive.file_system_errors))
        }),
    ]
}

#[allow(clippy::unnecessary_wraps, reason = "beside values that may be missing")]
fn share_of(percent: u8) -> Option<f64> {
    Some(f64::from(percent) / 100.0)
}

fn networks(page: &mut Page, networks: &[NetworkUse]) {
    let each = |value: fn(&NetworkUse) -> u64| {
        networks.iter().map(move |one| (vec![("interface", one.interface.clone())], number(value(one))))
    };
    page.counter("network_received", "Since the start", Some(Unit::Bytes), each(|one| one.received_bytes));
    page.counter("network_sent", "Since the start", Some(Unit::Bytes), each(|one| one.sent_bytes));
}

fn services(page: &mut Page, services: &[ServiceUse]) {
    let each = |value: fn(&ServiceUse) -> f64| {
        services.iter().map(move |one| {
            let owner = if one.stack { "stack" } else { "system" };
            (vec![("service", one.service.clone()), ("of", owner.to_owned())], value(one))
        })
    };
    page.gauge("service_memory", "Memory", Some(Unit::Bytes), each(|one| number(one.memory_bytes)));
    page.counter("service_processor", "Work for it", Some(Unit::Seconds), each(|one| one.cpu_s));
    page.counter("service_read", "From the drive", Some(Unit::Bytes), each(|one| number(one.read_bytes)));
    page.counter("service_written", "To the drive", Some(Unit::Bytes), each(|one| number(one.written_bytes)));
}

#[allow(
    clippy::cast_precision_loss,
    reason = "the format's numbers are floating-point; bytes above 2^53 lose their last digits"
)]
fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use tayberry_core::request::metrics::{Cooling, KeptClock, Processor, Temperature};
    use tayberry_core::request::status::Room;

    use super::*;

    #[test]
    fn readings_become_lines() {
        let room = Room { total: 100, free: 40 };
        let metrics = Metrics {
            at: 1,
            uptime_s: 60,
            version: "1.0".into(),
            processor: Processor { cores: 4, busy_s: 1.5, load: 0.25 },
            memory: room,
            data: room,
            cooling: Some(Cooling {
                temperatures: vec![Temperature { sensor: "processor".into(), celsius: 47.5 }],
                duty_percent: 30,
                turns_per_minute: None,
                doubts: Vec::new(),
            }),
            supply: None,
            clock: Some(KeptClock { battery_volts: 3.0, holds: true }),
            drives: Vec::new(),
            networks: vec![NetworkUse { interface: "eth0".into(), received_bytes: 5, sent_bytes: 6 }],
            services: vec![ServiceUse {
                service: "a \"b\"".into(),
                stack: true,
                memory_bytes: 4096,
                cpu_s: 2.5,
                read_bytes: 0,
                written_bytes: 7,
            }],
        };
        let text = text(&metrics).unwrap();
        for line in [
            "# TYPE tayberry_temperature_celsius gauge",
            "# UNIT tayberry_temperature_celsius celsius",
            "tayberry_temperature_celsius{sensor=\"processor\"} 47.5",
            "tayberry_fan_duty_ratios 0.3",
            "tayberry_processor_busy_seconds_total 1.5",
            "tayberry_network_sent_bytes_total{interface=\"eth0\"} 6.0",
            "tayberry_service_written_bytes_total{service=\"a \\\"b\\\"\",of=\"stack\"} 7.0",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n") && !text.contains("drive_used_ratio{"), "{text}");
    }
}
