"""Words and short phrases in English, French, Spanish and German."""

from __future__ import annotations

LANGUAGES: tuple[str, ...] = ("French", "Spanish", "German")

_TABLE = """
Hello | Bonjour | Hola | Hallo
Good morning | Bonjour | Buenos días | Guten Morgen
Good evening | Bonsoir | Buenas tardes | Guten Abend
Good night | Bonne nuit | Buenas noches | Gute Nacht
Thank you | Merci | Gracias | Danke
Goodbye | Au revoir | Adiós | Auf Wiedersehen
Welcome | Bienvenue | Bienvenido | Willkommen
Yes | Oui | Sí | Ja
No | Non | No | Nein
Please | S'il vous plaît | Por favor | Bitte
Sorry | Désolé | Lo siento | Entschuldigung
See you tomorrow | À demain | Hasta mañana | Bis morgen
How are you? | Comment allez-vous ? | ¿Cómo está? | Wie geht es Ihnen?
I love you | Je t'aime | Te quiero | Ich liebe dich
Happy birthday | Joyeux anniversaire | Feliz cumpleaños | Alles Gute zum Geburtstag
water | eau | agua | Wasser
bread | pain | pan | Brot
cat | chat | gato | Katze
dog | chien | perro | Hund
house | maison | casa | Haus
book | livre | libro | Buch
milk | lait | leche | Milch
cheese | fromage | queso | Käse
apple | pomme | manzana | Apfel
coffee | café | café | Kaffee
tea | thé | té | Tee
sun | soleil | sol | Sonne
moon | lune | luna | Mond
star | étoile | estrella | Stern
sea | mer | mar | Meer
tree | arbre | árbol | Baum
flower | fleur | flor | Blume
bird | oiseau | pájaro | Vogel
fish | poisson | pez | Fisch
horse | cheval | caballo | Pferd
friend | ami | amigo | Freund
mother | mère | madre | Mutter
father | père | padre | Vater
child | enfant | niño | Kind
school | école | escuela | Schule
city | ville | ciudad | Stadt
street | rue | calle | Straße
car | voiture | coche | Auto
train | train | tren | Zug
table | table | mesa | Tisch
chair | chaise | silla | Stuhl
door | porte | puerta | Tür
window | fenêtre | ventana | Fenster
red | rouge | rojo | rot
blue | bleu | azul | blau
green | vert | verde | grün
black | noir | negro | schwarz
white | blanc | blanco | weiß
day | jour | día | Tag
night | nuit | noche | Nacht
summer | été | verano | Sommer
winter | hiver | invierno | Winter
time | temps | tiempo | Zeit
world | monde | mundo | Welt
peace | paix | paz | Frieden
"""


def _parse(table: str) -> dict[str, dict[str, str]]:
    """Return `{English: {language: translation}}`."""
    entries: dict[str, dict[str, str]] = {}
    for line in table.strip().splitlines():
        english, *others = (cell.strip() for cell in line.split(" | "))
        entries[english] = dict(zip(LANGUAGES, others, strict=True))
    return entries


TRANSLATIONS: dict[str, dict[str, str]] = _parse(_TABLE)
"""Translation of each English entry into each language."""
