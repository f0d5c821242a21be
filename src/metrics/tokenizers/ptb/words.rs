//! The words that the tokenizer knows.

/// Abbreviations that may end a sentence, without their period.
pub const ENDING_ABBREVIATIONS: &[&str] = &[
    "(?i:al|ala|apr|ariz|assn|aug|bhd|bldg|blvd|bros|calif|co|colo|conn|corp|cos|ct|dak|dec|esq|est|etc|ext|feb|fla|fri|ga|inc|ind|intl|jan|jr|jul|jun|kans?|ky|ltd|mar|md|mich|minn|miss|mo|mon|mont|neb|nev|nov|oct|okla|penn|plc|ppte|ppty|ptes?|ptys?|rd|rt|sept?|seq|sq|sr|sys|tel|tenn|thurs?|tues?|univ|va|vt|wed|wis|wisc|wyo)",
    "P[hH]\\.D|ph\\.d|E[dD]\\.D",
    "Ark|ARK|Az|AZ|Del|DEL|Ill|ILL|La|LA|Mass|MASS|Ore|ORE|Pa|PA|Tex|TEX|Wash|WASH",
];

/// Titles and the like.
pub const TITLES: &[&str] = &[
    "(?i:adj|adm|adv|alex|asst|attys?|ave|brig|capt|cf|cie|cmdr|col|cpl|dept|det|drs?|elec|ens|ft|gen|govs?|hon|insp|invt|jos|lieut|lt|maj|messrs|mfg|mlle|mme|mrs|mr|ms|msgr|mt|mtg|natl|pfc|ph|pres|profs?|pvt|reps?|rev|sens?|sfc|sgt|spc|st|ste|supt|vs|wm)",
];

/// Abbreviations only before a number.
pub const NUMBERED: &[&str] = &["(?i:art|ca|figs?|nos?|op|pp|prop)"];

/// Words whose capital letter says that a sentence has begun.
pub const SENTENCE_STARTERS: &[&str] = &[
    "A",
    r"Mr\.",
    r"Ms\.",
    "About",
    "According",
    "Additionally",
    "After",
    "An",
    "As",
    "At",
    "But",
    "Earlier",
    "He",
    "Her",
    "Here",
    "However",
    "If",
    "In",
    "It",
    "Last",
    "Many",
    "More",
    "Now",
    "Once",
    "One",
    "Other",
    "Our",
    "She",
    "Since",
    "So",
    "Some",
    "Such",
    "That",
    "The",
    "Their",
    "Then",
    "There",
    "These",
    "They",
    "This",
    "We",
    "What",
    "When",
    "While",
    "Yet",
    "You",
];

/// Words with an apostrophe that are one token.
pub const APOSTROPHE_WORDS: &[&str] = &[
    "'[nN](?:')?",
    "[lLdDjJ]'",
    "(?i:dunkin)'",
    "(?i:somethin)'",
    "(?i:ol)'",
    "'(?i:em)",
    "[cC]'(?i:mon)",
    "'[2-9]0[sS]",
    "'(?i:till?)",
    "[oO]'(?i:er)",
    "(?i:n?e)'(?i:er)",
    "(?i:ma)'(?i:am)",
    "'(?i:cause)",
    "[yY]'",
];

/// Other tokens with marks in them.
pub const FIXED: &[&str] = &[
    "-(?i:[lr][rcs]b)-",
    "C\\.D\\.s",
    "(?i:anti|pro)-",
    "S(?:&|&amp;)P-500",
    "S(?:&|&amp;)Ls",
    "(?i:cap)'n",
    "(?i:c)'(?i:est)",
];

/// Endings of file names.
pub const FILE_ENDINGS: &[&str] = &[
    "bat", "bmp", "class", "cgi", "cpp", "c", "dll", "docx?", "exe", "gif", "gz", "html?", "h",
    "jar", "java", "jpe?g", "mov", "mp3", "pdf", "php", "pl", "png", "pptx?", "ps", "py", "sql",
    "tar", "txt", "wav", "xml", "x", "zip",
];
