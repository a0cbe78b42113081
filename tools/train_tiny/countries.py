"""Countries and their capitals."""

from __future__ import annotations

_TABLE = """
Afghanistan: Kabul, Albania: Tirana, Algeria: Algiers, Andorra: Andorra la Vella, Angola: Luanda,
Argentina: Buenos Aires, Armenia: Yerevan, Australia: Canberra, Austria: Vienna, Azerbaijan: Baku,
Bahrain: Manama, Bangladesh: Dhaka, Belarus: Minsk, Belgium: Brussels, Belize: Belmopan,
Benin: Porto-Novo, Bhutan: Thimphu, Bolivia: Sucre, Bosnia: Sarajevo, Botswana: Gaborone,
Brazil: Brasilia, Bulgaria: Sofia, Burundi: Gitega, Cambodia: Phnom Penh, Cameroon: Yaounde,
Canada: Ottawa, Chad: N'Djamena, Chile: Santiago, China: Beijing, Colombia: Bogota,
Costa Rica: San Jose, Croatia: Zagreb, Cuba: Havana, Cyprus: Nicosia, Czechia: Prague,
Denmark: Copenhagen, Ecuador: Quito, Egypt: Cairo, Eritrea: Asmara, Estonia: Tallinn,
Ethiopia: Addis Ababa, Fiji: Suva, Finland: Helsinki, France: Paris, Gabon: Libreville,
Georgia: Tbilisi, Germany: Berlin, Ghana: Accra, Greece: Athens, Guatemala: Guatemala City,
Guinea: Conakry, Guyana: Georgetown, Haiti: Port-au-Prince, Honduras: Tegucigalpa,
Hungary: Budapest, Iceland: Reykjavik, India: New Delhi, Indonesia: Jakarta, Iran: Tehran,
Iraq: Baghdad, Ireland: Dublin, Italy: Rome, Jamaica: Kingston, Japan: Tokyo, Jordan: Amman,
Kazakhstan: Astana, Kenya: Nairobi, Kuwait: Kuwait City, Kyrgyzstan: Bishkek, Laos: Vientiane,
Latvia: Riga, Lebanon: Beirut, Liberia: Monrovia, Libya: Tripoli, Lithuania: Vilnius,
Luxembourg: Luxembourg City, Madagascar: Antananarivo, Malawi: Lilongwe, Malaysia: Kuala Lumpur,
Mali: Bamako, Malta: Valletta, Mauritania: Nouakchott, Mexico: Mexico City, Moldova: Chisinau,
Monaco: Monaco, Mongolia: Ulaanbaatar, Montenegro: Podgorica, Morocco: Rabat, Mozambique: Maputo,
Myanmar: Naypyidaw, Namibia: Windhoek, Nepal: Kathmandu, New Zealand: Wellington,
Nicaragua: Managua, Niger: Niamey, Nigeria: Abuja, North Korea: Pyongyang,
North Macedonia: Skopje, Norway: Oslo, Oman: Muscat, Pakistan: Islamabad, Panama: Panama City,
Paraguay: Asuncion, Peru: Lima, Poland: Warsaw, Portugal: Lisbon, Qatar: Doha,
Romania: Bucharest, Russia: Moscow, Rwanda: Kigali, Saudi Arabia: Riyadh, Senegal: Dakar,
Serbia: Belgrade, Singapore: Singapore, Slovakia: Bratislava, Slovenia: Ljubljana,
Somalia: Mogadishu, South Korea: Seoul, Spain: Madrid, Sri Lanka: Colombo, Sudan: Khartoum,
Sweden: Stockholm, Switzerland: Bern, Syria: Damascus, Taiwan: Taipei, Tajikistan: Dushanbe,
Tanzania: Dodoma, Thailand: Bangkok, the Netherlands: Amsterdam, the Philippines: Manila,
the United Kingdom: London, the United States: Washington, Togo: Lome, Tunisia: Tunis,
Turkey: Ankara, Turkmenistan: Ashgabat, Uganda: Kampala, Ukraine: Kyiv, Uruguay: Montevideo,
Uzbekistan: Tashkent, Venezuela: Caracas, Vietnam: Hanoi, Yemen: Sanaa, Zambia: Lusaka,
Zimbabwe: Harare
"""


def _parse(table: str) -> dict[str, str]:
    """Return `{country: capital}` in the order of the table."""
    capitals: dict[str, str] = {}
    for entry in " ".join(table.split()).split(", "):
        country, capital = entry.split(": ")
        capitals[country] = capital
    return capitals


CAPITALS: dict[str, str] = _parse(_TABLE)
"""Capital of each country, by the name it has inside a sentence (`the Netherlands`)."""
