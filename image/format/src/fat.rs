//! Writes a fresh FAT32 file system from a list of files: contiguous, reproducible, every file in 4 KiB blocks
//! of its own.
//!
//! Our own, because three things are needed that no library gives: a file keeps its place and length for ever
//! (the commit of an update overwrites one sector on the block device), files begin on 4096-byte boundaries of
//! the disk, and two builds give the same bytes. Reading is left to `tayberry-firmware`. The format is that of
//! Microsoft's "FAT32 File System Specification" 1.03; fields are named as there.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::fat_names::{Entry, directory_entries, short_name};

const SECTOR: u32 = 512;
const RESERVED: u32 = 32;
const FATS: u32 = 2;
/// Files begin on this boundary, in bytes.
const FILE_ALIGN: u64 = 4096;
const END_OF_CHAIN: u32 = 0x0fff_ffff;
/// Below this number of clusters a reader takes the file system for FAT16 (specification, section 3.5).
const FEWEST_CLUSTERS: u32 = 65_525;

/// A file system that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FatError {
    /// Writing failed.
    #[error("the boot file system cannot be written: {0}")]
    Io(#[from] io::Error),
    /// The files need more clusters than there are.
    #[error("{path} does not fit: the partition has {bytes} bytes")]
    Full {
        /// The first file without room.
        path: String,
        /// Size of the partition in bytes.
        bytes: u64,
    },
    /// The partition is too small or too large for FAT32 with these clusters.
    #[error("a partition of {0} bytes cannot be FAT32 with these clusters")]
    Size(u64),
    /// The name cannot be stored.
    #[error(
        "{0:?} cannot be a file name on a FAT file system: use up to 255 ASCII letters, digits, -, _ and ."
    )]
    Name(String),
}

/// A file to store.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Path with `/` between folders, without a leading one. Folders come into being by themselves.
    pub path: String,
    /// Contents.
    pub data: &'a [u8],
}

/// Shape of a file system.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Size of the partition in bytes.
    pub bytes: u64,
    /// Where the partition begins on the disk, in bytes (BPB_HiddSec); 0 to say nothing of it.
    pub start: u64,
    /// Sectors in a cluster. Raspberry Pi's engineers name 1 and 4 as the most compatible (firmware issue 1738).
    pub sectors_per_cluster: u8,
    /// Volume label, 11 bytes.
    pub label: [u8; 11],
    /// Volume serial number (BS_VolID).
    pub serial: u32,
}

/// Where a file came to lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its path.
    pub path: String,
    /// Byte offset of its contents inside the partition.
    pub offset: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

struct Geometry {
    shape: Shape,
    fat_sectors: u32,
    reserved: u32,
    clusters: u32,
}

impl Geometry {
    fn new(shape: Shape) -> Result<Self, FatError> {
        let refuse = || FatError::Size(shape.bytes);
        let sectors = u32::try_from(shape.bytes / u64::from(SECTOR)).map_err(|_| refuse())?;
        let per_cluster = u32::from(shape.sectors_per_cluster.max(1));
        // One FAT entry a cluster, 128 entries a sector; a few entries too many do no harm.
        let fat_sectors = (sectors / per_cluster + 2).div_ceil(SECTOR / 4);
        // The data region begins on a file boundary, so that aligned clusters are aligned on the disk.
        let align = u32::try_from(FILE_ALIGN).map_err(|_| refuse())? / SECTOR;
        let reserved = (RESERVED + FATS * fat_sectors).next_multiple_of(align) - FATS * fat_sectors;
        let data = sectors.checked_sub(reserved + FATS * fat_sectors).ok_or_else(refuse)?;
        let clusters = data / per_cluster;
        if clusters < FEWEST_CLUSTERS || !shape.start.is_multiple_of(FILE_ALIGN) {
            return Err(refuse());
        }
        Ok(Self { shape, fat_sectors, reserved, clusters })
    }

    fn cluster_bytes(&self) -> u64 {
        u64::from(SECTOR) * u64::from(self.shape.sectors_per_cluster.max(1))
    }

    fn offset(&self, cluster: u32) -> u64 {
        let data = u64::from(self.reserved + FATS * self.fat_sectors) * u64::from(SECTOR);
        data + u64::from(cluster - 2) * self.cluster_bytes()
    }

    fn clusters_for(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(self.cluster_bytes())).unwrap_or(u32::MAX)
    }

    fn boot_sector(&self) -> [u8; SECTOR as usize] {
        let mut sector = [0; SECTOR as usize];
        let mut put = |at: usize, bytes: &[u8]| sector[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[0xeb, 0x58, 0x90]);
        put(3, b"TAYBERRY");
        put(11, &512_u16.to_le_bytes());
        put(13, &[self.shape.sectors_per_cluster.max(1)]);
        put(14, &u16::try_from(self.reserved).unwrap_or(u16::MAX).to_le_bytes());
        put(16, &[2]);
        put(21, &[0xf8]);
        put(24, &32_u16.to_le_bytes());
        put(26, &64_u16.to_le_bytes());
        put(28, &u32::try_from(self.shape.start / 512).unwrap_or(0).to_le_bytes());
        put(32, &u32::try_from(self.shape.bytes / 512).unwrap_or(0).to_le_bytes());
        put(36, &self.fat_sectors.to_le_bytes());
        put(44, &2_u32.to_le_bytes());
        put(48, &1_u16.to_le_bytes());
        put(50, &6_u16.to_le_bytes());
        put(64, &[0x80, 0, 0x29]);
        put(67, &self.shape.serial.to_le_bytes());
        put(71, &self.shape.label);
        put(82, b"FAT32   ");
        put(510, &[0x55, 0xaa]);
        sector
    }
}

/// A folder being laid out.
struct Folder {
    path: String,
    parent: usize,
    entries: Vec<Entry>,
    cluster: u32,
}

/// Writes the file system to `out`, which begins where the partition begins and reads as zeros where nothing is
/// written. Files keep the order of `files`; the first ones lie first.
///
/// # Errors
/// When the files do not fit, a name cannot be stored, or `out` fails.
pub fn write<W: Write + Seek>(
    out: &mut W,
    shape: Shape,
    files: &[File<'_>],
) -> Result<Vec<Placed>, FatError> {
    let geometry = Geometry::new(shape)?;
    let base = out.stream_position()?;
    let mut folders = folders(files)?;
    let mut fat = vec![0x0fff_fff8, END_OF_CHAIN];
    for folder in &mut folders {
        let slots: usize = folder.entries.iter().map(Entry::slots).sum();
        let bytes = 32 * (slots as u64 + 3);
        folder.cluster = chain(&mut fat, geometry.clusters_for(bytes));
    }
    let align = geometry.clusters_for(FILE_ALIGN);
    let mut placed = Vec::new();
    for file in files {
        // Cluster 2 is the first and lies on a boundary.
        while !(fat.len() - 2).is_multiple_of(align as usize) {
            fat.push(0);
        }
        let bytes = file.data.len() as u64;
        let clusters = geometry.clusters_for(bytes.max(1)).next_multiple_of(align);
        let full = || FatError::Full { path: file.path.clone(), bytes: shape.bytes };
        if u64::from(clusters) + fat.len() as u64 > u64::from(geometry.clusters) + 2 {
            return Err(full());
        }
        let cluster = chain(&mut fat, clusters);
        let offset = geometry.offset(cluster);
        out.seek(SeekFrom::Start(base + offset))?;
        out.write_all(file.data)?;
        placed.push(Placed { path: file.path.clone(), offset, bytes });
        let size = u32::try_from(bytes).map_err(|_| full())?;
        locate(&mut folders, &file.path, cluster, size);
    }
    write_folders(out, base, &geometry, &folders)?;
    write_tables(out, base, &geometry, &fat)?;
    Ok(placed)
}

/// Where the contents of a file system end that [`write`] made, in bytes: at its last used cluster. `file_system` begins
/// with its first sector.
///
/// # Errors
/// When it is another one, or cannot be read.
pub fn used<R: Read + Seek>(file_system: &mut R) -> io::Result<u64> {
    let mut sector = [0; SECTOR as usize];
    file_system.rewind()?;
    file_system.read_exact(&mut sector)?;
    let number = |at: usize| u32::from_le_bytes([sector[at], sector[at + 1], sector[at + 2], sector[at + 3]]);
    let shape = Shape {
        bytes: u64::from(number(32)) * u64::from(SECTOR),
        start: 0,
        sectors_per_cluster: sector[13],
        label: [0; 11],
        serial: 0,
    };
    let geometry = Geometry::new(shape).map_err(io::Error::other)?;
    if &sector[3..11] != b"TAYBERRY" || number(36) != geometry.fat_sectors {
        return Err(io::Error::other("this file system was not made by tayberry build"));
    }
    let mut table =
        vec![0; SECTOR as usize * usize::try_from(geometry.fat_sectors).map_err(io::Error::other)?];
    file_system.seek(SeekFrom::Start(u64::from(geometry.reserved) * u64::from(SECTOR)))?;
    file_system.read_exact(&mut table)?;
    let last = table.chunks_exact(4).rposition(|entry| entry != [0; 4]).map_or(Ok(2), u32::try_from);
    Ok(geometry.offset(last.map_err(io::Error::other)?.max(2)) + geometry.cluster_bytes())
}

/// Appends a chain of consecutive clusters; returns its first.
fn chain(fat: &mut Vec<u32>, clusters: u32) -> u32 {
    let first = u32::try_from(fat.len()).unwrap_or(u32::MAX);
    fat.extend((1..clusters).map(|n| first + n));
    fat.push(END_OF_CHAIN);
    first
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// All folders of `files`, the root first, each with its entries but without their clusters.
fn folders(files: &[File<'_>]) -> Result<Vec<Folder>, FatError> {
    let mut all = vec![Folder { path: String::new(), parent: 0, entries: Vec::new(), cluster: 0 }];
    for file in files {
        let (folder, name) = split(&file.path);
        let index = folder_index(&mut all, folder)?;
        push_entry(&mut all[index].entries, name, false)?;
    }
    Ok(all)
}

fn folder_index(all: &mut Vec<Folder>, path: &str) -> Result<usize, FatError> {
    if let Some(index) = all.iter().position(|folder| folder.path == path) {
        return Ok(index);
    }
    let (above, name) = split(path);
    let parent = folder_index(all, above)?;
    push_entry(&mut all[parent].entries, name, true)?;
    all.push(Folder { path: path.to_owned(), parent, entries: Vec::new(), cluster: 0 });
    Ok(all.len() - 1)
}

fn push_entry(entries: &mut Vec<Entry>, name: &str, folder: bool) -> Result<(), FatError> {
    let short = short_name(name, entries).ok_or_else(|| FatError::Name(name.to_owned()))?;
    entries.push(Entry { name: name.to_owned(), short, folder, cluster: 0, size: 0 });
    Ok(())
}

fn locate(folders: &mut [Folder], path: &str, cluster: u32, size: u32) {
    let (folder, name) = split(path);
    let entries = folders.iter_mut().filter(|f| f.path == folder).flat_map(|f| &mut f.entries);
    for entry in entries.filter(|entry| entry.name == name && !entry.folder) {
        (entry.cluster, entry.size) = (cluster, size);
    }
}

fn write_folders<W: Write + Seek>(
    out: &mut W,
    base: u64,
    geometry: &Geometry,
    all: &[Folder],
) -> io::Result<()> {
    for folder in all {
        let mut entries = folder.entries.clone();
        for entry in entries.iter_mut().filter(|entry| entry.folder) {
            let path = if folder.path.is_empty() {
                entry.name.clone()
            } else {
                format!("{}/{}", folder.path, entry.name)
            };
            entry.cluster = all.iter().find(|other| other.path == path).map_or(0, |other| other.cluster);
        }
        let dots = (!folder.path.is_empty()).then(|| {
            // The parent of a first-level folder is written as 0 although the root is cluster 2 (section 6.5).
            let parent = if folder.parent == 0 { 0 } else { all[folder.parent].cluster };
            (folder.cluster, parent)
        });
        out.seek(SeekFrom::Start(base + geometry.offset(folder.cluster)))?;
        out.write_all(&directory_entries(&geometry.shape.label, dots, &entries))?;
    }
    Ok(())
}

fn write_tables<W: Write + Seek>(out: &mut W, base: u64, geometry: &Geometry, fat: &[u32]) -> io::Result<()> {
    let mut info = [0; SECTOR as usize];
    info[..4].copy_from_slice(b"RRaA");
    info[484..488].copy_from_slice(b"rrAa");
    // Free count and next free cluster are hints that a reader may find unknown (FSI_Free_Count).
    info[488..496].fill(0xff);
    info[510..].copy_from_slice(&[0x55, 0xaa]);
    for copy in [0, 6] {
        out.seek(SeekFrom::Start(base + copy * u64::from(SECTOR)))?;
        out.write_all(&geometry.boot_sector())?;
        out.write_all(&info)?;
    }
    let table: Vec<u8> = fat.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    for copy in 0..FATS {
        let sector = geometry.reserved + copy * geometry.fat_sectors;
        out.seek(SeekFrom::Start(base + u64::from(sector) * u64::from(SECTOR)))?;
        out.write_all(&table)?;
    }
    Ok(())
}
