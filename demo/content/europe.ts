/** Customers from across the water. */
import { ben, eva, shop, type Talk } from './talk.ts';

export const europe: readonly Talk[] = [
  {
    box: 'support',
    language: 'de',
    who: ['Jürgen Größmann', 'juergen.groessmann@briefkasten.example'],
    subject: 'Rückfrage zur Lieferung 20811: Buch in der falschen Größe',
    days: 3.6,
    charset: 'iso-8859-1',
    signature: 'Jürgen Größmann\nAm Kanal 7, 26721 Emden',
    turns: [
      `Sehr geehrte Damen und Herren,

ich habe die "Gezeiten der Nordsee" im Großformat bestellt und ein Exemplar von der Größe einer Streichholzschachtel erhalten. Mit der beiliegenden Lupe ist es durchaus lesbar, aber meine Frau behauptet, ich sähe damit aus wie ein Uhrmacher.

Wäre ein Umtausch möglich?`,
      ben(`Sehr geehrter Herr Größmann,

selbstverständlich! Das Großformat geht heute noch hinaus. Die kleine Ausgabe dürfen Sie behalten, die Lupe auch.

Mit freundlichen Grüßen
Ben`),
      `Vielen Dank, das ging ja schnell. Das Großformat passt nun nicht ins Regal, aber das ist ein Problem der Regale.`,
    ],
    done: true,
    next: `Das Regal ist umgebaut. Meine Frau sagt, ich sähe jetzt aus wie ein Tischler. Besten Dank nochmals!`,
  },
  {
    box: 'support',
    language: 'de',
    who: ['Annegret Pohl', 'a.pohl@nordwest.example'],
    subject: 'Rechnung fehlt',
    days: 2.2,
    turns: [
      `Guten Tag,

zu Bestellung 20798 fehlt mir die Rechnung. Das Finanzamt glaubt mir sonst nicht, dass "Tausend Tapire" ein Fachbuch ist. Ich bin Tierärztin.`,
      shop(`Guten Tag Frau Pohl, die Rechnung liegt in Ihrem Konto bereit. Grüße an die Tapire!`),
      `Gefunden, danke! Es sind im Moment nur zwei.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'de',
    who: ['Dr. Ulrike Österreicher', 'oesterreicher@institut-kueste.example'],
    subject: 'Hörbuch: Kapitel 7 doppelt',
    days: 0.9,
    turns: [
      `Liebes Team,

im Hörbuch "Der Leuchtturmwärter" kommt Kapitel 7 zweimal hintereinander. Beim ersten Mal hielt ich es für ein Stilmittel, beim zweiten Mal für einen Fehler, und jetzt bin ich nicht mehr sicher. Können Sie das bitte prüfen?`,
    ],
    assignee: 'ben',
    next: `Danke! Schade eigentlich. In der zweiten Fassung wirkte der Leuchtturmwärter viel überzeugter.`,
  },
  {
    box: 'sales',
    language: 'de',
    who: ['Buchhandlung am Deich', 'einkauf@buch-am-deich.example'],
    subject: 'Kollegiale Anfrage: 30 Exemplare "Seemannsgarn"',
    days: 4.1,
    turns: [
      `Moin zusammen,

unser Grossist hat "Seemannsgarn" nicht mehr, ihr habt laut Verzeichnis noch einen ganzen Stapel. Könntet ihr uns 30 Stück mit Kollegenrabatt überlassen? Wir haben im Gegenzug sehr viele Kalender mit Schafen.`,
      eva(`Moin! 30 Stück könnt ihr haben, 35 Prozent. Von den Schafen nehmen wir zehn, die Augustseite ist wirklich gelungen.

Eva`),
      `Abgemacht! Die Schafe sind unterwegs.`,
    ],
    assignee: 'eva',
    done: true,
    next: `Die Bücher sind da, vielen Dank. Falls ihr mehr Schafe braucht: ein Wort genügt.`,
  },
  {
    box: 'support',
    language: 'de',
    who: ['Finn Petersen', 'finn.petersen@schule-watt.example'],
    subject: 'Schulprojekt: Wie lange lebt ein Buch?',
    days: 0.5,
    turns: [
      `Hallo,

ich bin in der 4b und wir machen ein Projekt. Meine Fragen sind: Wie alt ist euer ältestes Buch? Wie viele Bücher habt ihr? Hat die Katze alle gelesen?

Viele Grüße
Finn`,
    ],
    starred: true,
    notes: [['li', 'Bitte beantworten! Ältestes: 1689. Anzahl: 31.402. Die Katze: nur die mit Vögeln.']],
    next: `Danke!!! Ich habe eine Eins bekommen. Die Katze war das Wichtigste.`,
  },
  {
    box: 'support',
    language: 'fr',
    who: ['Hélène Crèvecœur', 'helene.crevecoeur@courriel.example'],
    subject: 'Colis reçu… mais ce n’est pas le mien',
    days: 3.2,
    turns: [
      `Bonjour,

j’ai bien reçu un colis, mais à la place de « La Vie des abeilles » j’y ai trouvé « Réparer son tracteur soi-même », tome 3. Je n’ai pas de tracteur. J’ai en revanche des abeilles.

Que dois-je faire ?

Bien cordialement,
Hélène Crèvecœur`,
      ben(`Bonjour Madame,

toutes nos excuses ! Les abeilles partent ce soir. Gardez le tracteur, on ne sait jamais.

Ben`),
      `Merci beaucoup, les abeilles sont arrivées. Mon voisin, lui, m’a emprunté le tome 3 et demande si vous avez les deux premiers.`,
    ],
    assignee: 'ben',
    next: `Parfait, il passera commande lui-même. Merci encore, et bonne journée au chat !`,
  },
  {
    box: 'support',
    language: 'fr',
    who: ['Librairie du Vieux-Port', 'contact@vieux-port.example'],
    subject: 'Question de consœur : votre emballage',
    days: 5.8,
    turns: [
      `Chère équipe,

vos colis arrivent toujours intacts, les nôtres jamais. Quel est votre secret ? Nous promettons de ne le dire à personne, sauf à la Poste.`,
      shop(
        `Chers collègues : du carton double, pas de scotch sur les coins, et quelqu’un qui aime plier des bateaux en papier. Bon courage !`,
      ),
      `Merci ! Nous avons essayé les bateaux. Ils prennent l’eau, mais les clients sourient.`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'fr',
    who: ['Théodore Anquetil', 'theodore@anquetil-avocats.example'],
    subject: 'Achat d’une bibliothèque entière',
    days: 1.5,
    turns: [
      `Madame, Monsieur,

dans le cadre d’une succession, nous cherchons acquéreur pour environ 4 000 volumes, du XVIIIᵉ à nos jours, entreposés au troisième étage sans ascenseur. Le défunt les a tous lus ; l’escalier en témoigne.

Seriez-vous disposés à venir les estimer ?`,
      eva(`Maître,

très volontiers. Nous pourrions venir à deux la semaine prochaine, avec de bonnes chaussures.

Eva`),
    ],
    assignee: 'eva',
    next: `Mardi à dix heures, donc. Il y a du café au deuxième, ce qui permet de reprendre son souffle.`,
  },
  {
    box: 'support',
    language: 'fr',
    who: ['Maxime Lefèvre', 'maxime.lefevre@courriel.example'],
    subject: 'Lire en numérique dans le train',
    days: 0.6,
    turns: [
      `Bonjour, le livre numérique de la commande 20859 ne s’ouvre qu’avec une connexion. Or je lis dans le train, et le train est surtout dans des tunnels. Existe-t-il une version à télécharger ?`,
    ],
    unread: true,
    next: `Merci, cela marche, même sous la montagne.`,
  },
  {
    box: 'support',
    language: 'es',
    who: ['Íñigo Zubizarreta', 'inigo.zubi@buzon.example'],
    subject: '¿Dónde está mi pedido n.º 20803?',
    days: 2.8,
    turns: [
      `Buenos días:

El seguimiento dice que mi paquete está «en un lugar seguro». ¿Podrían decirme en cuál? He mirado debajo del felpudo, en el buzón y en el perro del vecino.

Un saludo,
Íñigo`,
      ben(`Buenos días, Íñigo:

El repartidor lo dejó en la panadería de la esquina. Le hemos pedido que la próxima vez llame al timbre.

Ben`),
      `¡Encontrado! El panadero iba ya por la página 50 y no me lo quería devolver. Gracias.`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'es',
    who: ['Editorial Mar Adentro', 'ventas@maradentro.example'],
    subject: 'Novedades de otoño y una propuesta',
    days: 3.9,
    turns: [
      {
        by: 'customer',
        text: `Estimada Eva:

Le enviamos adjunta la lista de novedades. Nos gustaría organizar en su librería la presentación de «El faro que no quería» con su autora, que habla mucho y muy bien. ¿Tendrían sitio para cuarenta personas?`,
        files: ['list.csv'],
      },
      eva(`Estimados amigos:

Cuarenta personas caben si nadie respira a la vez. ¿Qué les parece el jueves 26 a las siete?

Eva`),
      `¡Perfecto! Pediremos a treinta y ocho que respiren por turnos.`,
    ],
    assignee: 'eva',
    next: `Confirmado: la autora llega en el tren de las cinco y trae vino.`,
  },
  {
    box: 'support',
    language: 'es',
    who: ['Lucía Peñalver', 'lucia.penalver@buzon.example'],
    subject: 'Devolución por motivo «da miedo»',
    days: 0.7,
    turns: [
      `Hola:

Quisiera devolver «La casa del acantilado». En el formulario no aparece el motivo «da demasiado miedo», así que he puesto «defecto de fabricación». El libro está ahora en el congelador. ¿Lo admiten congelado?`,
    ],
    assignee: 'agents',
    next: `Gracias. Lo mandaré descongelado y de día.`,
  },
  {
    box: 'support',
    language: 'nl',
    who: ['Sjoerd van der Meulen', 'sjoerd@vandermeulen.example'],
    subject: 'Bestelling 20777: te veel ontvangen',
    days: 5.2,
    turns: [
      `Hallo,

Ik had één boek over dijken besteld en kreeg er drie. Ik ben een eerlijk man, dus ik meld het. Zal ik er twee terugsturen?`,
      shop(`Beste Sjoerd, wat sympathiek! Houd ze maar: één voor elke kant van de dijk en één voor erbovenop.`),
      `Geweldig, dank! De buurman heeft er nu ook een. Hij woont aan de natte kant.`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'nl',
    who: ['Museumwinkel De Windvaan', 'winkel@dewindvaan.example'],
    subject: 'Prijslijst ansichtkaarten gevraagd',
    days: 1.3,
    turns: [
      `Goedemorgen,

Zouden wij jullie prijslijst voor ansichtkaarten mogen ontvangen? Vooral die met de meeuw die een frietje steelt verkoopt hier uitstekend.

Met vriendelijke groet,
Marijke de Boer`,
      ben(
        `Goedemorgen Marijke,

De prijslijst zit in de bijlage. Van de meeuw hebben we er nog 400; hij geeft niet op.

Ben`,
        ['list.csv'],
      ),
      `Dank je wel! Doe ons er maar 150, en 50 van de zeehond die teleurgesteld kijkt.`,
    ],
    assignee: 'ben',
    next: `Top, tot vrijdag. De zeehond krijgt een ereplaats.`,
  },
  {
    box: 'support',
    language: 'nl',
    who: ['Fenna Bakker', 'fenna.bakker@postduif.example'],
    subject: 'Cadeaupapier met verkeerde naam',
    days: 0.4,
    turns: [
      `Hoi! Het cadeau is prachtig ingepakt, maar er staat "Gefeliciteerd Henk" op het kaartje. Mijn moeder heet Truus. Ze vindt het wel grappig, maar nu wil Henk zijn cadeau ook terug, denk ik?`,
    ],
    unread: true,
    next: `Haha, fijn. Truus en Henk gaan koffie drinken. Zonder jullie was dat nooit gebeurd.`,
  },
  {
    box: 'support',
    language: 'pl',
    who: ['Zofia Wąsowska', 'zofia.wasowska@poczta.example'],
    subject: 'Zamówienie 20820: brak jednej książki',
    days: 2.5,
    turns: [
      `Dzień dobry,

w paczce brakowało „Latarnika”. Za to była kartka z napisem „przepraszam” i narysowanym kotem. Kotek jest śliczny, ale wolałabym książkę.

Pozdrawiam
Zofia Wąsowska`,
      ben(`Dzień dobry Pani Zofio,

książka została na ladzie, bo kot na niej spał. Wysłaliśmy ją dzisiaj. Przepraszamy jeszcze raz!

Ben`),
      `Dziękuję, już jest! Czuć, że kot spał długo i spokojnie.`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'pl',
    who: ['Księgarnia Pod Żaglami', 'biuro@podzaglami.example'],
    subject: 'Współpraca: żeglarskie mapy i książki',
    days: 1.7,
    turns: [
      `Szanowni Państwo,

prowadzimy księgarnię żeglarską w Gdańsku i szukamy partnera do wymiany tytułów. Czy byliby Państwo zainteresowani? Możemy zaproponować mapy Zatoki, na których nic nie jest tam, gdzie było.`,
    ],
    assignee: 'eva',
    next: `Wspaniale! Wyślemy pierwsze mapy w poniedziałek, o ile je znajdziemy.`,
  },
  {
    box: 'support',
    language: 'it',
    who: ['Niccolò Dall’Acqua', 'niccolo.dallacqua@laguna.example'],
    subject: 'Libro arrivato bagnato',
    days: 2.0,
    turns: [
      `Buongiorno,

il libro "Storia dell’acqua alta" è arrivato completamente bagnato. Capisco il realismo, ma si può avere una copia asciutta?`,
      ben(`Buongiorno Niccolò,

ci scusiamo: una copia asciutta parte oggi, in una busta impermeabile.

Ben`),
      `Arrivata, asciuttissima. La prima l’ho stesa in balcone: ha raddoppiato lo spessore e ora sembra un’enciclopedia.`,
    ],
    done: true,
    next: `Grazie a voi! Se passate da Venezia, portate gli stivali.`,
  },
  {
    box: 'support',
    language: 'pt',
    who: ['Conceição Magalhães', 'conceicao.magalhaes@caixa.example'],
    subject: 'Edição de bolso não cabe no bolso',
    days: 0.8,
    turns: [
      `Bom dia,

comprei a "edição de bolso" dos Lusíadas. Experimentei quatro casacos e nenhum bolso serve. Existe uma edição mais pequena, ou devo mudar de alfaiate?`,
    ],
    assignee: 'ben',
    next: `Obrigada! Entretanto o alfaiate fez-me um bolso novo. Fico com as duas edições.`,
  },
  {
    box: 'support',
    language: 'sv',
    who: ['Åsa Öberg', 'asa.oberg@skargard.example'],
    subject: 'Fråga om leverans till skärgården',
    days: 3.3,
    turns: [
      `Hej!

Levererar ni till en ö utan bilväg? Postbåten kommer tisdagar och ibland när skepparen har lust.`,
      shop(`Hej Åsa! Ja, vi skickar så att paketet ligger på båten på tisdag. Hälsa skepparen.`),
      `Tack! Han hade lust redan i måndags. Boken är här.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'uk',
    who: ['Оксана Гнатюк', 'oksana.hnatiuk@skrynka.example'],
    subject: 'Чи є у вас українські казки?',
    days: 1.0,
    turns: [
      `Добрий день!

Шукаю для доньки українські казки з малюнками, бажано з котом, бо вона бачила вашого на сайті. Чи можете щось порадити?`,
      ben(`Добрий день, пані Оксано!

Є «Пан Коцький» у твердій обкладинці, з чудовими малюнками. Відкласти?

Бен`),
      `Так, будь ласка! Донька питає, чи Мелвілл і є пан Коцький.`,
    ],
    notes: [['ben', 'Translated with the help of the lady from the bakery. She approves of the cat story.']],
    next: `Дякуємо! Донька намалювала для Мелвілла портрет, надішлемо поштою.`,
  },
];
