// Names, occupations and places for the people of a demo, from many languages and of nobody in particular.

const list = (text: string) => text.trim().split(/\s*,\s*/);

export const FIRST_NAMES = list(`
  Ada, Aiko, Alma, Amara, Amir, Anders, Anouk, Arjun, Astrid, Beatriz, Bruno, Callum, Carmen, Chiara, Chidi, Clara,
  Dalia, Dario, Dina, Edda, Elias, Elif, Emeka, Esther, Eva, Fatima, Felix, Freya, Gideon, Greta, Hana, Hugo, Ida,
  Idris, Ines, Ingrid, Isla, Jakub, Jasper, João, Jonas, Jules, Kaito, Kamala, Karim, Keiko, Lars, Leila, Lena, Liam,
  Lucía, Magnus, Malik, Mara, Marek, Matteo, Maya, Mei, Mila, Mina, Nadia, Naomi, Nikhil, Noor, Oskar, Otto, Paloma,
  Petra, Priya, Quentin, Rafael, Ravi, René, Rosa, Ruben, Ruth, Salma, Samir, Sana, Selma, Simon, Sofia, Søren, Tamar,
  Tariq, Thea, Tomás, Uma, Vera, Viktor, Wanda, Yara, Yusuf, Zainab, Zoë
`);

export const LAST_NAMES = list(`
  Abadi, Achebe, Adler, Almeida, Andersson, Aoki, Baker, Banerjee, Barros, Becker, Bergman, Blanc, Bose, Brandt, Byrne,
  Castro, Cohen, Costa, Dahl, Darwish, Diaz, Dubois, Duarte, Eklund, Erdem, Farah, Ferrari, Fischer, Fontaine, Fraser,
  Garcia, Haddad, Hansen, Hartmann, Hughes, Ibrahim, Ito, Iyer, Jansen, Jensen, Kapoor, Karlsson, Kato, Keller, Khan,
  Kimura, Kowalski, Larsen, Laurent, Lindqvist, Lopez, Maier, Malik, Marino, Mbeki, Mendes, Meyer, Moreau, Mori, Murphy,
  Nair, Nakamura, Navarro, Novak, Nowak, Okafor, Okoye, Olsen, Osman, Park, Patel, Pereira, Petrov, Quinn, Ramos, Rao,
  Reyes, Ricci, Rossi, Sato, Schmidt, Sharma, Silva, Sokolov, Strand, Suzuki, Tanaka, Tran, Vargas, Vidal, Vogel, Weber,
  Wójcik, Yamada, Yilmaz, Young, Zhang, Zimmer
`);

export const OCCUPATIONS = list(`
  Translator, Gardener, Teacher, Data analyst, Carpenter, Editor, Baker, Nurse, Architect, Librarian, Sound engineer,
  Historian, Product designer, Physicist, Bookseller, Urban planner, Illustrator, Farmer, Violinist, Retired postman,
  Software developer, Potter, Journalist, Midwife, Cartographer
`);

export const PLACES = list(`
  Accra, Antwerp, Belgrade, Bergen, Bilbao, Bogotá, Bristol, Cork, Ghent, Gdańsk, Hanoi, Izmir, Kigali, Kyoto, Leipzig,
  Lisbon, Ljubljana, Lyon, Malmö, Montevideo, Nairobi, Oaxaca, Porto, Pune, Quito, Riga, Tbilisi, Turin, Utrecht, Valparaíso
`);
