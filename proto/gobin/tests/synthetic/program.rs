//! A program for 64-bit Linux with four functions and the tables of a Go release. Only what this crate reads is in it:
//! it would not run.

/// Where the two segments are loaded.
pub(crate) const READ_ONLY: u64 = 0x40_0000;
pub(crate) const WRITABLE: u64 = 0x4000_0000;

const ELF_HEADERS: usize = 64 + 3 * 56;

/// What is in a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    /// As `go1.27.3`.
    pub(crate) version: &'static str,
    pub(crate) arm64: bool,
    /// Pieces the text is said to be in.
    pub(crate) text_pieces: u64,
    /// `ET_EXEC`, `ET_DYN`, …
    pub(crate) kind: u16,
    pub(crate) machine: Option<u16>,
    /// Whether pointers in data are left to the loader, as by GNU ld.
    pub(crate) relocated: bool,
    /// Calls of deferproc at the end of main.main (amd64).
    pub(crate) calls: i32,
    /// Entries of the function table by which main.main begins again and again.
    pub(crate) overlapping: usize,
}

impl Program {
    pub(crate) fn of(version: &'static str) -> Self {
        Self {
            version,
            arm64: false,
            text_pieces: 1,
            kind: 2,
            machine: None,
            relocated: false,
            calls: 0,
            overlapping: 0,
        }
    }

    fn minor(&self) -> u16 {
        let digits: String = self.version[4..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(27)
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // One segment with headers, code and the function table, one with the rest.
        let (code, functions) = self.code();
        let text = READ_ONLY + ELF_HEADERS as u64;
        let table_at = align(ELF_HEADERS + code.len());
        let table = self.table(&functions);
        let read_only_end = align(table_at + table.bytes.len());

        // Open-coded defers of main.main: the byte 9 below, one slot; Go 1.21 writes how many, and each.
        let function_data: &[u8] = if self.minor() == 21 { &[9, 1, 8] } else { &[9, 8] };
        let mut writable = function_data.to_vec();
        writable.resize(16, 0);
        let module_at = writable.len();
        let mut module = vec![0_u8; 400];
        let table_address = READ_ONLY + table_at as u64;
        let gofunc = if self.minor() >= 27 { 344 } else { 320 };
        let pointers = [
            (0, table_address),
            (8, table_address + table.names),
            (32, table_address + table.units),
            (176, text),
            (184, text + code.len() as u64),
            (gofunc, WRITABLE),
        ];
        module[gofunc + 24..gofunc + 32].copy_from_slice(&self.text_pieces.to_le_bytes());
        let mut relocations: Vec<u64> = Vec::new();
        for (at, word) in pointers {
            if self.relocated {
                let kind = if self.arm64 { 1_027 } else { 8 };
                relocations.extend([WRITABLE + (module_at + at) as u64, kind, word]);
            } else {
                module[at..at + 8].copy_from_slice(&word.to_le_bytes());
            }
        }
        writable.extend(module);
        assert_eq!(module_at % 8, 0);
        // DT_RELA, DT_RELASZ, DT_NULL.
        let dynamic_at = writable.len();
        let relocations_at = WRITABLE + dynamic_at as u64 + 48;
        let dynamic = [7, relocations_at, 8, relocations.len() as u64 * 8, 0, 0];
        writable.extend(dynamic.iter().chain(&relocations).flat_map(|word: &u64| word.to_le_bytes()));
        writable.extend(build_info(self.version));

        let mut file = self.headers(read_only_end, writable.len(), dynamic_at);
        file.extend(&code);
        file.resize(table_at, 0);
        file.extend(table.bytes);
        file.resize(read_only_end, 0);
        file.extend(writable);
        file
    }

    fn headers(&self, read_only: usize, writable: usize, dynamic_at: usize) -> Vec<u8> {
        let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let machine = self.machine.unwrap_or(if self.arm64 { 183 } else { 62 });
        header.extend(self.kind.to_le_bytes());
        header.extend(machine.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        for word in [READ_ONLY, 64, 0] {
            header.extend(word.to_le_bytes()); // entry, program headers, no section headers
        }
        header.extend(0_u32.to_le_bytes());
        for half in [64_u16, 56, 3, 64, 0, 0] {
            header.extend(half.to_le_bytes());
        }
        // Two PT_LOAD and PT_DYNAMIC: kind, flags, offset, address, bytes.
        let dynamic = (read_only + dynamic_at, WRITABLE + dynamic_at as u64);
        for (kind, flags, offset, address, bytes) in [
            (1_u32, 5_u32, 0, READ_ONLY, read_only),
            (1, 6, read_only, WRITABLE, writable),
            (2, 6, dynamic.0, dynamic.1, 48),
        ] {
            header.extend(kind.to_le_bytes());
            header.extend(flags.to_le_bytes());
            for word in [offset as u64, address, address, bytes as u64, bytes as u64, 8] {
                header.extend(word.to_le_bytes());
            }
        }
        assert_eq!(header.len(), ELF_HEADERS);
        header
    }

    /// main.main calls deferproc, stores into its slot and calls deferreturn.
    fn code(&self) -> (Vec<u8>, Vec<(&'static str, u32, u32)>) {
        let step = if self.arm64 { 4 } else { 1 };
        let names = ["runtime.deferproc", "runtime.deferprocStack", "runtime.deferreturn"];
        let mut functions: Vec<(&'static str, u32, u32)> =
            names.iter().zip(0..).map(|(name, i)| (*name, i * step, (i + 1) * step)).collect();
        let mut code = Vec::new();
        if self.arm64 {
            for word in [0xd65f_03c0_u32, 0xd65f_03c0, 0xd65f_03c0] {
                code.extend(word.to_le_bytes());
            }
            let call = |at: i32, to: i32| 0x9400_0000_u32 | (((to - at) / 4).cast_unsigned() & 0x3ff_ffff);
            // bl deferproc; str x0, [sp, #16]; bl deferreturn; ret
            for word in [call(12, 0), 0xf900_0be0, call(20, 8), 0xd65f_03c0] {
                code.extend(word.to_le_bytes());
            }
        } else {
            code.extend([0xc3, 0xc3, 0xc3]);
            code.push(0xe8); // at 3, returns to 8
            code.extend((-8_i32).to_le_bytes());
            code.extend([0x48, 0x89, 0x44, 0x24, 0x10]);
            code.push(0xe8); // at 13, returns to 18
            code.extend((2_i32 - 18).to_le_bytes());
            code.push(0xc3);
            for i in 0..self.calls {
                code.push(0xe8);
                code.extend((-(19 + i * 5 + 5)).to_le_bytes());
            }
        }
        functions.push(("main.main", 3 * step, code.len() as u32));
        (code, functions)
    }

    fn table(&self, functions: &[(&str, u32, u32)]) -> Table {
        let quantum: u32 = if self.arm64 { 4 } else { 1 };
        let mut names = vec![0_u8];
        let mut records = Vec::new();
        let mut index = Vec::new();
        // Values by program counter: none at 0; 32 bytes of stack; file 0; lines 10, 11, 12.
        let (call, store) = if self.arm64 { (1, 1) } else { (5, 5) };
        let pc_values = [0_u8, 66, 100, 0, 2, 100, 0, 22, call, 2, store, 2, 50, 0];
        let index_bytes = functions.len() * 8 + 8 + self.overlapping * 16;
        for (name, entry, _) in functions {
            index.extend(entry.to_le_bytes());
            index.extend(((index_bytes + records.len()) as u32).to_le_bytes());
            let is_main = *name == "main.main";
            let defer_return: u32 = if is_main { 2 * u32::from(call) * quantum } else { 0 };
            let name_at = names.len() as u32;
            names.extend(name.as_bytes());
            names.push(0);
            // entryOff, nameOff, args, deferreturn, pcsp, pcfile, pcln, npcdata, cuOffset, startLine
            for number in [*entry, name_at, 0, defer_return, 1, 4, 7, 0, 0, 9] {
                records.extend(number.to_le_bytes());
            }
            records.extend([0, 0, 0, if is_main { 5 } else { 0 }]);
            if is_main {
                for offset in [u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0] {
                    records.extend(offset.to_le_bytes());
                }
            }
        }
        let end = functions.last().map_or(0, |(_, _, end)| *end);
        // Each odd one ends where the text begins, so that each even one is all of it.
        let main = index[index.len() - 8..].to_vec();
        for _ in 0..self.overlapping {
            index.extend([&end.to_le_bytes(), &main[4..], &main[..]].concat());
        }
        index.extend(end.to_le_bytes());
        index.extend(0_u32.to_le_bytes());

        let mut bytes = vec![0xf1, 0xff, 0xff, 0xff, 0, 0, quantum as u8, 8];
        let tables: [&[u8]; 5] =
            [&names, &0_u32.to_le_bytes(), b"main.go\0", &pc_values, &[index, records].concat()];
        bytes.extend(((functions.len() + 2 * self.overlapping) as u64).to_le_bytes());
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        let mut offsets = Vec::new();
        let mut at = 72;
        for table in tables {
            offsets.push(at);
            at += table.len() as u64;
        }
        bytes.extend(offsets.iter().flat_map(|offset: &u64| offset.to_le_bytes()));
        bytes.extend(tables.concat());
        Table { bytes, names: offsets[0], units: offsets[1] }
    }
}

struct Table {
    bytes: Vec<u8>,
    names: u64,
    units: u64,
}

fn build_info(version: &str) -> Vec<u8> {
    let mut record = b"\xff Go buildinf:\x08\x02".to_vec();
    record.resize(32, 0);
    record.push(version.len() as u8);
    record.extend(version.as_bytes());
    record.push(0);
    record
}

fn align(offset: usize) -> usize {
    offset.next_multiple_of(16)
}
