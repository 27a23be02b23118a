"""Patterns in RE2 syntax (SAME-PAR-005): refusing what RE2 has not, and matching the rest by Python's `re`.

A pattern is parsed by RE2's grammar and written anew as a pattern of Python. Matching then takes the time that
Python takes, which is not linear for every pattern; what matches is the same.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata

from findings import Unsupported


class NotRe2(ValueError):
    """The text is no pattern in RE2 syntax."""


_MAX_REPEAT = 1000
_PERL = {
    "d": "0-9",
    "D": "\\x00-/:-\U0010ffff",
    "s": "\\t\\n\\f\\r ",
    "S": "\\x00-\\x08\\x0b\\x0e-\\x1f!-\U0010ffff",
    "w": "0-9A-Za-z_",
    "W": "\\x00-/:-@\\[-\\^`{-\U0010ffff",
}
_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\\x00-\\x7f", "blank": "\\t ", "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\x0b\\f\\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_SIMPLE = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}


_SCRIPTS = frozenset(
    """Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo
    Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common
    Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs
    Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul
    Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi
    Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki
    Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean
    Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi
    Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong
    Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian
    Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi
    Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo
    Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana
    Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square""".split()
)
"""Scripts that RE2 knows by name and Python's tables of characters do not."""


@functools.cache
def compile(pattern: str) -> re.Pattern[str]:
    """The pattern as one of Python; raises NotRe2."""
    source = _Parser(pattern).whole()
    try:
        return re.compile(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise NotRe2(str(error)) from None


def _literal(character: str) -> str:
    return re.escape(character)


def _in_class(character: str) -> str:
    return f"\\U{ord(character):08x}"


@functools.cache
def _category(name: str) -> str:
    """The ranges of a Unicode general category, such as `L` or `Lu`."""
    if name in _SCRIPTS:
        raise Unsupported(f"has no table of the script {name}")
    ranges: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)).startswith(name):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    if not ranges:
        raise NotRe2(f"no Unicode class is called {name} here")
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.pos = 0
        self.names: set[str] = set()
        self.depth = 0

    def peek(self) -> str:
        return self.text[self.pos] if self.pos < len(self.text) else ""

    def whole(self) -> str:
        out, _ = self.alternation({"i": False, "m": False, "s": False, "U": False})
        if self.pos < len(self.text):
            raise NotRe2("an unexpected )")
        return out

    def alternation(self, flags: dict[str, bool]) -> tuple[str, int]:
        """Alternatives up to `)` or the end, and the product of repetitions inside."""
        flags = dict(flags)
        parts: list[str] = []
        most = 1
        previous: str | None = None
        repeated = 1
        double = False
        while self.pos < len(self.text) and self.peek() != ")":
            character = self.peek()
            if character == "|":
                self.pos += 1
                parts.append("|")
                previous, double = None, False
                continue
            repeat = self.repetition()
            if repeat is not None:
                operator, count = repeat
                if previous is None:
                    raise NotRe2("missing argument to a repetition operator")
                if double:
                    raise NotRe2("two repetition operators in a row")
                lazy = self.peek() == "?"
                if lazy:
                    self.pos += 1
                if lazy != flags["U"]:
                    operator += "?"
                total = repeated * max(count, 1)
                if total > _MAX_REPEAT:
                    raise NotRe2("repeats too often")
                parts[-1] = f"(?:{previous}{operator})"
                most = max(most, total)
                previous, double = parts[-1], True
                continue
            double = False
            atom, repeated = self.atom(flags)
            most = max(most, repeated)
            if atom is None:
                previous = None if previous is None else previous
                continue
            parts.append(atom)
            previous = atom
        return "".join(parts), most

    def repetition(self) -> tuple[str, int] | None:
        character = self.peek()
        if character and character in "*+?":
            self.pos += 1
            return character, 1
        match = re.compile(r"\{([0-9]+)(,([0-9]*))?\}").match(self.text, self.pos)
        if match is None:
            return None
        low = int(match[1][:6])
        high = int(match[3][:6]) if match[3] else low
        if low > _MAX_REPEAT or high > _MAX_REPEAT or high < low:
            raise NotRe2("a repetition count is out of range")
        self.pos = match.end()
        return match[0], high

    def atom(self, flags: dict[str, bool]) -> tuple[str | None, int]:
        character = self.peek()
        self.pos += 1
        if character == "(":
            return self.group(flags)
        if character == "[":
            return self.cased(self.character_class(), flags), 1
        if character == ".":
            return ("[\\s\\S]" if flags["s"] else "[^\\n]"), 1
        if character == "^":
            return ("(?:(?m:^))" if flags["m"] else "(?:\\A)"), 1
        if character == "$":
            return ("(?:(?m:$))" if flags["m"] else "(?:\\Z)"), 1
        if character == "\\":
            return self.escape(flags)
        return self.cased(_literal(character), flags), 1

    def cased(self, atom: str, flags: dict[str, bool]) -> str:
        return f"(?i:{atom})" if flags["i"] else atom

    def group(self, flags: dict[str, bool]) -> tuple[str | None, int]:
        self.depth += 1
        if self.depth > 200:
            raise NotRe2("nested too deeply")
        opening = "("
        inner = flags
        if self.peek() == "?":
            name = re.compile(r"\?P?<([^>]*)>").match(self.text, self.pos)
            changed = re.compile(r"\?([imsU]*)(-[imsU]+)?([:)])").match(self.text, self.pos)
            if name is not None and not self.text.startswith(("?<=", "?<!"), self.pos):
                if not re.fullmatch(r"[0-9A-Za-z_]+", name[1]) or name[1] in self.names:
                    raise NotRe2("a group's name is not valid")
                self.names.add(name[1])
                self.pos = name.end()
            elif changed is not None and (changed[1] or changed[2] or changed[3] == ":"):
                inner = dict(flags)
                inner.update(dict.fromkeys(changed[1], True))
                inner.update(dict.fromkeys((changed[2] or "")[1:], False))
                self.pos = changed.end()
                if changed[3] == ")":
                    flags.update(inner)
                    self.depth -= 1
                    return None, 1
                opening = "(?:"
            else:
                raise NotRe2("a group of a kind that RE2 has not")
        body, most = self.alternation(inner)
        if self.peek() != ")":
            raise NotRe2("a group is not closed")
        self.pos += 1
        self.depth -= 1
        return f"{opening}{body})", most

    def escape(self, flags: dict[str, bool]) -> tuple[str | None, int]:
        character = self.peek()
        if character == "":
            raise NotRe2("a backslash at the end")
        if character in _PERL:
            self.pos += 1
            return f"[{_PERL[character]}]", 1
        if character in "pP":
            return self.cased(self.unicode_class(), flags), 1
        if character == "A":
            self.pos += 1
            return "(?:\\A)", 1
        if character == "z":
            self.pos += 1
            return "(?:\\Z)", 1
        if character in "bB":
            self.pos += 1
            return f"(?:(?a:\\{character}))", 1
        if character == "C":
            self.pos += 1
            return "[\\s\\S]", 1
        if character == "Q":
            stop = self.text.find("\\E", self.pos)
            quoted = self.text[self.pos + 1 : stop if stop >= 0 else len(self.text)]
            self.pos = stop + 2 if stop >= 0 else len(self.text)
            return (self.cased(f"(?:{_literal(quoted)})", flags) if quoted else None), 1
        return self.cased(_literal(self.single()), flags), 1

    def single(self) -> str:
        """The character that an escape stands for; `pos` is behind the backslash."""
        character = self.peek()
        if character == "":
            raise NotRe2("a backslash at the end")
        octal = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}").match(self.text, self.pos)
        if octal is not None:
            self.pos = octal.end()
            return chr(int(octal[0], 8))
        if character == "x":
            code = re.compile(r"x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,8})\}").match(self.text, self.pos)
            if code is None or int(code[1] or code[2], 16) > 0x10FFFF:
                raise NotRe2("an escape is not valid")
            self.pos = code.end()
            return chr(int(code[1] or code[2], 16))
        self.pos += 1
        if character in _SIMPLE:
            return _SIMPLE[character]
        if character.isascii() and not character.isalnum():
            return character
        raise NotRe2(f"\\{character} is no escape")

    def unicode_class(self) -> str:
        match = re.compile(r"[pP](?:([A-Z])|\{(\^?)([A-Za-z_]+)\})").match(self.text, self.pos)
        if match is None:
            raise NotRe2("a Unicode class is not valid")
        negated = (self.text[self.pos] == "P") != (match[2] == "^")
        self.pos = match.end()
        name = match[1] or match[3]
        ranges = "\\x00-\U0010ffff" if name == "Any" else _category(name)
        return f"[{'^' if negated else ''}{ranges}]"

    def character_class(self) -> str:
        negated = self.peek() == "^"
        if negated:
            self.pos += 1
        parts: list[str] = []
        first = True
        while first or self.peek() != "]":
            if self.peek() == "":
                raise NotRe2("a class is not closed")
            posix = re.compile(r"\[:(\^?)([a-z]*):\]").match(self.text, self.pos)
            if posix is not None:
                if posix[2] not in _POSIX:
                    raise NotRe2(f"no class is called {posix[2]}")
                if posix[1]:
                    parts.append(_complement(f"[{_POSIX[posix[2]]}]"))
                else:
                    parts.append(_POSIX[posix[2]])
                self.pos = posix.end()
            elif self.peek() == "\\" and self.text[self.pos + 1 : self.pos + 2] in tuple(_PERL):
                parts.append(_PERL[self.text[self.pos + 1]])
                self.pos += 2
            elif self.peek() == "\\" and self.text[self.pos + 1 : self.pos + 2] in ("p", "P"):
                self.pos += 1
                inner = self.unicode_class()
                parts.append(_complement("[" + inner[2:]) if inner[1] == "^" else inner[1:-1])
            else:
                low = self.class_character()
                if self.peek() == "-" and self.text[self.pos + 1 : self.pos + 2] not in ("]", ""):
                    self.pos += 1
                    high = self.class_character()
                    if high < low:
                        raise NotRe2("a range is the wrong way round")
                    parts.append(f"{_in_class(low)}-{_in_class(high)}")
                else:
                    parts.append(_in_class(low))
            first = False
        self.pos += 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def class_character(self) -> str:
        character = self.peek()
        if character == "":
            raise NotRe2("a class is not closed")
        self.pos += 1
        return self.single() if character == "\\" else character


@functools.cache
def _complement(positive: str) -> str:
    """The ranges of what a class does not hold, to stand inside another class."""
    pattern = re.compile(positive)
    out: list[str] = []
    start: int | None = None
    for code in range(sys.maxunicode + 2):
        outside = code <= sys.maxunicode and not pattern.match(chr(code))
        if outside and start is None:
            start = code
        elif not outside and start is not None:
            out.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = None
    return "".join(out)
