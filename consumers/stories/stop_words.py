"""Words that tell no story from another: the commonest of the languages that most articles are in, cut like stems."""

from __future__ import annotations

from consumers.text import fold, without_accents

_DUTCH = """aan al alle als bij blijft dan dat deze die dit door een eerder elkaar gaan gaat geen gisteren had
hebben heeft hen het hij hun iets ieder ik in is jaar kan komen komt konden kunnen later laten maar
mag meer men met minder mogen moet moeten morgen na naar nadat niet nieuwe nog nu of om omdat onder
ook op over sinds snel staat te tegen terwijl tijdens toch toen tot tussen twee uit van vanaf
vandaag vanwege veel verder volgens voor wat was wel werd werden wie willen wil wordt worden zal ze
zegt zei zeker zich zij zijn zo zou zouden maandag dinsdag woensdag donderdag vrijdag zaterdag
zondag week dag heel eerste tweede"""
_ENGLISH = """a about according after again against ago all also an and any are as at be because been before being
both but by can could day days did do does down during each earlier for from had has have he her his
how if in into is it its last later made make many may might more most must new next no not now of
off on one only or other our out over said say says she should since so some still such than that
the their them then there these they this those three through to today two under until up very was
we week were what when where which while who will with would year yesterday you monday tuesday
wednesday thursday friday saturday sunday first second"""
_FRENCH = """au aux afin ainsi alors apres assez aussi autre autres avait avant avec avoir car ce cela celle ces
cet cette ceux chez comme contre dans de depuis des deux devait doit dont du elle elles en encore
entre est et etaient etait ete etre eux fait faire fois fut hier il ils jour la le les leur leurs
lors lui mais meme moins ne ni nos notre nous nouveau on ont ou par parmi pas peu peut plus
plusieurs pour pourrait qu quand que qui sa sans se selon sera ses si soit son sont sous sur tandis
tous tout toute toutes tres trois un une vers vingt vous y a lundi mardi mercredi jeudi vendredi
samedi dimanche semaine annee premier"""
_GERMAN = """aber alle allem allen als also am an auch auf aus bei beim bereits bis da damit dann das dass dem
den denn der des deren dessen die dies diese diesem diesen dieser dieses doch dort durch ein eine
einem einen einer eines er erst es etwa fuer für gegen gegenueber gestern gewesen habe haben hat
hatte hatten heute hier ihm ihn ihr ihre ihren im immer in ins ist jahr jetzt kann keine konnten
koennen können lang laut mehr mit muss müssen nach nachdem neue neuen nicht noch nun nur ob oder
ohne schon sehr sei sein seine seinen seit sich sie sind so sollen soll sollte sowie tag über ueber
um und unter uns vom von vor war waren was weil weiter weitere wenn werden wie wieder will wird
wollen worden wurde wurden während zu zum zur zwei zwischen montag dienstag mittwoch donnerstag
freitag samstag sonntag woche erste"""


def _cut() -> frozenset[str]:
    words = " ".join((_DUTCH, _ENGLISH, _FRENCH, _GERMAN)).split()
    return frozenset(without_accents(fold(word))[:6] for word in words)


STOP_WORDS = _cut()
