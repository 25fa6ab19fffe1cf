"""Structured logs: one JSON object a line on stderr, each with the id of its request where it has one.

What is logged is chosen field by field; headers, bodies and query strings, where secrets travel, never are.
"""

import json
import logging
import sys
import traceback


class JsonLines(logging.Formatter):
    """`extra={"fields": {...}}` of a record goes into its object."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr(level: str) -> None:
    """Let the hub and its web server log, from that level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("suanwang", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
