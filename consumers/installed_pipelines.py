"""Which trained spaCy pipelines this machine has, without importing spaCy, which takes seconds."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

_SIZES = ("lg", "md", "sm", "trf")
_GENRES = ("core_news", "core_web", "ent_news")


def installed(models_dir: Path | None) -> dict[str, str]:
    """Language to pipeline: a folder of ``models_dir`` named for the language, else the largest installed package.

    Packages of pipelines announce themselves under the entry point ``spacy_models``, from which spaCy loads them.
    """
    packages = {entry.name for entry in entry_points(group="spacy_models")}
    found: dict[str, str] = {}
    for package in sorted(packages):
        language, _, rest = package.partition("_")
        genre, _, size = rest.rpartition("_")
        if genre in _GENRES and size in _SIZES:
            candidates = [f"{language}_{genre}_{s}" for s in _SIZES]
            found.setdefault(language, next(name for name in candidates if name in packages))
    if models_dir is not None and models_dir.is_dir():
        found.update({folder.name: str(folder) for folder in models_dir.iterdir() if (folder / "meta.json").is_file()})
    return found
