"""Looks at model cards before a service is started with them: `python -m orthancgen_analysis.cards CARD...`.

Prints JSON: for each card, in their order, `{"id", "version", "digest", "card"}`, or `{"problem"}` in words.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from .config import Limits, load_model
from .errors import ConfigError, RefusedError


def look(file: Path) -> dict[str, str]:
    """What a card is of, and the digests of model and card; or why its model cannot be run."""
    # It takes a second to load, and is needed here alone.
    from .onnx_model import OnnxExaminer

    try:
        model = load_model(file)
        OnnxExaminer(model, Limits(), model.digest)
        card = hashlib.sha256(file.read_bytes()).hexdigest()
    except (ConfigError, RefusedError) as error:
        return {"problem": str(error)}
    except OSError as error:
        return {"problem": f"cannot read the card {file}: {type(error).__name__}"}
    return {"id": model.card.id, "version": model.card.version, "digest": model.digest, "card": f"sha256:{card}"}


def main() -> None:
    """Looks at all of them."""
    print(json.dumps([look(Path(it)) for it in sys.argv[1:]]))  # noqa: T201 - it is its answer


if __name__ == "__main__":
    main()
