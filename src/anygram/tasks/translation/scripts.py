"""Words and sentences of any script, and which scripts there are.

Chinese, Japanese and the scripts of Thailand, Laos, Myanmar and Cambodia put no spaces between words: there
every character stands for a word, as in `codecs.words` with Unicode breaks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Literal

from anygram.codecs._breaks import word_pattern

Tokenizer = Literal["13a", "zh", "char"]
"""How sacrebleu cuts: as mteval-v13a does, Chinese characters one by one, all characters one by one."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_OTHER_UNSPACED = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aad]")
_LEAST_KANA = 0.05
"""Japanese has more among its letters, Chinese that quotes some has less."""

# the marks that end a sentence, and what may close it behind them; ideographic ones need no space after
_SENTENCE = re.compile(
    r".+?(?:[。！？][」』”’）]*|[.!?…؟۔।](?=[\"'”’»)\]]*(?:\s|$))[\"'”’»)\]]*|\n\s*\n|$)", re.DOTALL
)


@cache
def _words() -> re.Pattern[str]:
    return re.compile(word_pattern("unicode"))


def pieces(text: str) -> list[tuple[int, int]]:
    """Return where the words and the marks of a text begin and end."""
    return [match.span() for match in _words().finditer(text)]


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation.

    >>> words("It's 3.5 °C, 好的。")
    ["it's", '3.5', 'c', '好', '的']
    """
    found = (match[0].casefold() for match in _words().finditer(text))
    return [word for word in found if any(character.isalnum() for character in word)]


def first_sentence(text: str) -> str:
    """Return the text up to its first mark that ends a sentence, or its first empty line.

    An abbreviation with a full stop before a space is taken for an end.

    >>> first_sentence("It is 3.5 m long. And wide."), first_sentence("很长。也宽。")
    ('It is 3.5 m long.', '很长。')
    """
    match = _SENTENCE.match(text.strip())
    return match[0].strip() if match else ""


def tokenizer_of(texts: Iterable[str]) -> Tokenizer:
    """Return how such texts are cut for BLEU: zh for Chinese, char for others without spaces, else 13a.

    >>> [tokenizer_of([text]) for text in ("a cat", "一只猫。", "猫がいる。", "แมว")]
    ['13a', 'zh', 'char', 'char']
    """
    counts: Counter[str] = Counter()
    for text in texts:
        for name, pattern in (("han", _HAN), ("kana", _KANA), ("other", _OTHER_UNSPACED)):
            counts[name] += len(pattern.findall(text))
        counts["letters"] += sum(map(str.isalpha, text))
    unspaced = counts["han"] + counts["kana"] + counts["other"]
    if not unspaced or 2 * unspaced < counts["letters"]:
        return "13a"
    ideographs = counts["han"] + counts["kana"]
    return "zh" if counts["han"] > counts["other"] and counts["kana"] < _LEAST_KANA * ideographs else "char"
