//! `tayberry build`: from the lock to a disk image and what belongs to it, in one folder.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tayberry_format::owner::Repository;

use crate::build::boot_files::{self, BootFiles};
use crate::build::compile::Programs;
use crate::build::containers::{self, Parts};
use crate::build::initramfs::OwnModule;
use crate::build::modules::{self, Kernel, Lists};
use crate::build::tree::Tree;
use crate::build::trim::Trim;
use crate::build::{
    BuildError, at, base, compile, erofs, finalise, initramfs, join, kernel_files, overlay, packages, trim,
    verify,
};
use crate::commands::sources::{self, Sources};
use crate::commands::{CommandError, lock};
use crate::config::{self, Config, Instead};
use crate::fetch::Cache;
use crate::lock::resolve::ResolveError;
use crate::lock::{Lock, Section};
use crate::outputs::{self, Facts};
use crate::paths::Paths;
use crate::registry::Layers;
use crate::tools::Tools;
use crate::ui::{Ui, human};

/// What to do.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tayberry build\n  tayberry build --offline --out /tmp/images\n  tayberry build --version 1.4.2 --update-root keys/root.json\n  tayberry build --database stand-in\n  tayberry build --base rootfs.tar --kernel Image --flavour raspberrypi"
)]
pub struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Version of the image, instead of the configuration's
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Root of trust for updates (root.json of `tayberry keys init`), instead of the configuration's
    #[arg(long, value_name = "FILE")]
    update_root: Option<PathBuf>,
    /// Address of the repository that devices ask for updates, instead of the configuration's
    #[arg(long, value_name = "URL", value_parser = repository)]
    update_repository: Option<Repository>,
    /// Root file system to take instead of Debian's packages: a tar archive, such as Buildroot's rootfs.tar
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Kernel of that root file system, where its archive holds none
    #[arg(long, value_name = "FILE", requires = "base")]
    kernel: Option<PathBuf>,
    /// What that kernel is, a table `kernel.NAME` of the configuration, instead of the one that Debian's packages are for
    #[arg(long, value_name = "NAME", requires = "base")]
    flavour: Option<String>,
}

fn repository(text: &str) -> Result<Repository, String> {
    Repository::try_from(text.to_owned()).map_err(|error| error.to_string())
}

/// What every stage needs.
struct Bench<'a> {
    paths: &'a Paths,
    config: &'a Config,
    kernel: &'a config::Kernel,
    lock: &'a Lock,
    tools: &'a Tools,
    work: &'a Path,
    ui: Ui,
}

/// Runs the command.
///
/// # Errors
/// When a stage fails; nothing half-written keeps its final name.
pub fn run(arguments: &Arguments, paths: &Paths, ui: Ui) -> Result<(), CommandError> {
    let instead = Instead {
        version: arguments.version.clone(),
        update_root: arguments.update_root.clone(),
        update_repository: arguments.update_repository.clone(),
        database: arguments.sources.database,
    };
    let config = Config::load_with(&paths.config(), &instead)?;
    let kernel = match &arguments.flavour {
        Some(name) => config.kernel.get(name).ok_or_else(|| ResolveError::NoKernel(name.clone()))?,
        None => lock::chosen(&config)?,
    };
    let cache = Cache::new(&paths.cache);
    let lock = sources::provide(&arguments.sources, paths, &config, ui)?;
    let tools = Tools::ready(&lock, &cache, &paths.cache, ui).map_err(BuildError::from)?;
    let programs = compile::programs(&tools, &paths.project, &Config::load(&paths.config())?, ui)?;
    std::fs::create_dir_all(&paths.cache).map_err(at(&paths.cache))?;
    let work =
        tempfile::Builder::new().prefix("build-").tempdir_in(&paths.cache).map_err(at(&paths.cache))?;
    let bench = Bench { paths, config: &config, kernel, lock: &lock, tools: &tools, work: work.path(), ui };

    let trim = Trim::load(&paths.project.join("image/trim.toml"))?;
    let root = work.path().join("root");
    let mut tree = match &arguments.base {
        Some(archive) => base::unpack(archive, &root, &trim, ui)?,
        None => Tree::unpack((&lock, Section::System), &cache, &root, &trim, ui)?,
    };
    if let Some(kernel) = &arguments.kernel {
        base::kernel(&mut tree, kernel)?;
    }
    let (release, boot, emulator) = bench.tree(&mut tree, &trim, &programs)?;
    let stage = ui.stage("compress", None);
    let image = work.path().join("system.erofs");
    erofs::build(&tree, &tools, &image, lock.epoch)?;
    stage.finish(&human(std::fs::metadata(&image).map_err(at(&image))?.len()));
    let stage = ui.stage("hash tree", None);
    let hash_tree = erofs::hash(&image)?;
    stage.finish(&hash_tree.root.to_string());

    let facts = Facts {
        config: &config,
        kernel,
        lock: &lock,
        release: &release,
        tree: &tree,
        boot: &boot,
        hash_tree: &hash_tree,
    };
    let out = arguments.out.clone().unwrap_or_else(|| paths.out());
    let written = outputs::write(&out, &facts, &image, &emulator, ui)?;
    ui.result(written.summary(), &written);
    Ok(())
}

impl Bench<'_> {
    /// Everything between unpacking and compressing. Returns the kernel's release, what the firmware will read, and the
    /// emulator's part of the initramfs.
    fn tree(
        &self,
        tree: &mut Tree,
        trim: &Trim,
        programs: &Programs,
    ) -> Result<(String, BootFiles, Vec<u8>), BuildError> {
        let project = &self.paths.project;
        let lists = Lists::load(&project.join("image/modules.toml"))?;
        let kernel = Kernel::look(tree, &self.kernel.may_lack)?;
        let stage = self.ui.stage("finalise", None);
        overlay::apply(tree, &project.join("overlays/rootfs"))?;
        overlay::programs(tree, programs)?;
        containers::say_formats(tree, self.config)?;
        // Nothing of this reads what the others write.
        let (boot, emulator, vcio, keep) = std::thread::scope(|scope| {
            let vmlinuz = kernel_files::image(&tree.root, &kernel.release)?;
            let gzip = scope.spawn(move || boot_files::gzip(&vmlinuz));
            let initramfs = scope.spawn(|| initramfs::build(&kernel, &lists, &programs.init));
            let vcio = scope.spawn(|| self.vcio(&kernel.release));
            let keep = scope.spawn(|| kernel.choose(&lists.system.modules));
            finalise::apply(tree, self.tools, self.config, self.lock.epoch)?;
            let vcio = join(vcio)?;
            let ours =
                vcio.as_deref().map(|bytes| OwnModule { board: "brcm,bcm2712", name: "vcio.ko", bytes });
            let ours = ours.as_slice();
            let rescue = initramfs::rescue(&kernel, &lists, ours, programs, tree, self.lock.epoch);
            let emulator = initramfs::emulator(&kernel, &lists, &self.emulator_files(programs)?)?;
            let boot =
                self.boot_files(&tree.root, &kernel.release, join(gzip)?, join(initramfs)?, rescue?)?;
            Ok::<_, BuildError>((boot, emulator, vcio, join(keep)?))
        })?;
        if let Some(module) = vcio {
            tree.write(format!("usr/lib/modules/{}/extra/vcio.ko", kernel.release), &module)?;
        }
        stage.finish("users, units, hardware database, kernel, initramfs");

        let stage = self.ui.stage("select", None);
        kernel.reduce(tree, self.tools, &keep)?;
        modules::reduce_firmware(tree, &lists.firmware)?;
        let removed = trim::apply(tree, trim)?;
        stage.finish(&format!("{} kernel modules kept, {removed} files removed", keep.len()));

        let stage = self.ui.stage("verify", None);
        if self.kernel.headers.is_some() {
            verify::symbols(tree, self.tools, &kernel.release)?;
        }
        verify::check(tree)?;
        packages::write(tree, self.config, self.lock, &kernel.release)?;
        let parts = Parts {
            project,
            tools: self.tools,
            programs,
            config: self.config,
            lock: self.lock,
            cache: &Cache::new(&self.paths.cache),
            layers: &Layers::new(&self.paths.cache),
            work: self.work,
            trim,
        };
        containers::add(tree, &parts, self.ui)?;
        finalise::set_times(&tree.root, self.lock.epoch)?;
        stage.finish(&format!("{} files", tree.origin.len()));
        Ok((kernel.release, boot, emulator))
    }

    /// The kernel module of ours, for kernels that lack it.
    fn vcio(&self, release: &str) -> Result<Option<Vec<u8>>, BuildError> {
        let source = self.paths.project.join("overlays/kernel/vcio");
        let wanted = self.kernel.headers.as_ref();
        wanted.map(|_| compile::vcio(self.tools, &source, self.work, release)).transpose()
    }

    fn boot_files(
        &self,
        root: &Path,
        release: &str,
        zipped: Vec<u8>,
        initramfs: Vec<u8>,
        rescue: Vec<u8>,
    ) -> Result<BootFiles, BuildError> {
        let device_tree = kernel_files::device_tree(root, release, &self.kernel.device_tree)?;
        let named = &self.kernel.overlays;
        let overlays = if self.kernel.package_overlays.is_empty() {
            let ours = self.paths.project.join("overlays/device-tree");
            compile::overlays(self.tools, &ours, self.work, &device_tree, named)?
        } else {
            let names: BTreeSet<_> = self.kernel.package_overlays.iter().chain(named).collect();
            let overlay = |name: &String| Ok((name.clone(), kernel_files::overlay(root, release, name)?));
            let theirs = names.into_iter().map(overlay).collect::<Result<Vec<_>, BuildError>>()?;
            compile::merge(self.tools, self.work, &device_tree, &theirs, named)?
        };
        Ok(BootFiles {
            kernel: zipped,
            initramfs,
            rescue,
            device_tree: (
                self.kernel.device_tree.clone(),
                std::fs::read(&device_tree).map_err(at(&device_tree))?,
            ),
            overlays,
            config: boot_files::config(self.kernel),
        })
    }

    /// The programs at the other end of the air: Debian's own for the device. Their libraries are in the image.
    fn neighbours(&self) -> Result<Vec<(String, u32, Vec<u8>)>, BuildError> {
        let root = self.work.join("neighbours");
        let cache = Cache::new(&self.paths.cache);
        let mut files = Vec::new();
        for (name, program) in
            [("busybox-static", "usr/bin/busybox"), ("hostapd", "usr/sbin/hostapd"), ("iw", "usr/sbin/iw")]
        {
            let package = self.lock.section(Section::Tools).find(|package| package.name == name);
            let package = package.ok_or_else(|| BuildError::Incomplete(vec![format!("the tool {name}")]))?;
            crate::deb::unpack(&cache.check(package)?, &root, &|inside| inside != Path::new(program))?;
            let path = root.join(program);
            let place = format!("tayberry-emulator/{}", program.rsplit('/').next().unwrap_or(program));
            files.push((place, 0o755, std::fs::read(&path).map_err(at(path))?));
        }
        Ok(files)
    }

    /// What the emulator puts under `/run`: `overlays/emulator`, and its helper.
    fn emulator_files(&self, programs: &Programs) -> Result<Vec<(String, u32, Vec<u8>)>, BuildError> {
        let folder = self.paths.project.join("overlays/emulator");
        let mut files = Vec::new();
        for path in crate::files::walk(&folder).map_err(at(&folder))?.iter().filter(|path| path.is_file()) {
            let inside = path.strip_prefix(&folder).unwrap_or(path).to_string_lossy().into_owned();
            let meta = std::fs::metadata(path).map_err(at(path))?;
            let mode = if meta.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
            files.push((inside, mode, std::fs::read(path).map_err(at(path))?));
        }
        let helper = std::fs::read(&programs.guest).map_err(at(&programs.guest))?;
        files.push(("tayberry-emulator/tayberry-guest".to_owned(), 0o755, helper));
        files.extend(self.neighbours()?);
        Ok(files)
    }
}
