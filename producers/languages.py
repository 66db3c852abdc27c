"""Languages as GDELT and web archives name them (three letters, or in English) to the codes that articles have."""

from __future__ import annotations

# Two letters of ISO 639-1, three of ISO 639-2 or 639-3 with a slash between rivals, name in English.
_TABLE = """
af afr Afrikaans|sq sqi/alb Albanian|am amh Amharic|ar ara Arabic|hy hye/arm Armenian|az aze Azerbaijani
eu eus/baq Basque|be bel Belarusian|bn ben Bengali|bs bos Bosnian|bg bul Bulgarian|my mya/bur Burmese
ca cat Catalan|zh zho/chi/cmn Chinese|hr hrv Croatian|cs ces/cze Czech|da dan Danish|nl nld/dut Dutch|en eng English
et est Estonian|fi fin Finnish|fr fra/fre French|gl glg Galician|ka kat/geo Georgian|de deu/ger German
el ell/gre Greek|gu guj Gujarati|ha hau Hausa|he heb Hebrew|hi hin Hindi|hu hun Hungarian|is isl/ice Icelandic
id ind Indonesian|ga gle Irish|it ita Italian|ja jpn Japanese|kn kan Kannada|kk kaz Kazakh|km khm Khmer
rw kin Kinyarwanda|ko kor Korean|ku kur/ckb Kurdish|ky kir Kyrgyz|lo lao Lao|lv lav Latvian|lt lit Lithuanian
lb ltz Luxembourgish|mk mkd/mac Macedonian|mg mlg Malagasy|ms msa/may/zsm Malay|ml mal Malayalam|mt mlt Maltese
mr mar Marathi|mn mon Mongolian|ne nep Nepali|no nor/nob Norwegian|nn nno NorwegianNynorsk|or ori Oriya
ps pus Pashto|fa fas/per Persian|pl pol Polish|pt por Portuguese|pa pan Punjabi|ro ron/rum Romanian|ru rus Russian
sr srp Serbian|sd snd Sindhi|si sin Sinhalese|sk slk/slo Slovak|sl slv Slovenian|so som Somali|es spa Spanish
sw swa Swahili|sv swe Swedish|tl tgl Tagalog|tg tgk Tajik|ta tam Tamil|te tel Telugu|th tha Thai|bo bod/tib Tibetan
tr tur Turkish|uk ukr Ukrainian|ur urd Urdu|uz uzb Uzbek|vi vie Vietnamese|cy cym/wel Welsh|yo yor Yoruba|zu zul Zulu
"""


def _codes() -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in _TABLE.replace("\n", "|").split("|"):
        if entry:
            code, longer, name = entry.split()
            found |= dict.fromkeys((code, *longer.split("/"), name.lower()), code)
    return found


_CODES = _codes()


def language_code(name: str | None) -> str | None:
    """The two-letter code for a code of two or three letters, or for a name in English; None for what is not known."""
    return _CODES.get("".join((name or "").split()).lower())
