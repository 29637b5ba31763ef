/** Short errands, most of them over. */
import { ben, shop, type Talk } from './talk.ts';

export const everyday: readonly Talk[] = [
  {
    box: 'support',
    language: 'en',
    who: ['Judith Amory', 'judith.amory@postbox.example'],
    subject: 'Reserve the new Tollard, please',
    days: 8.1,
    turns: [
      `Could you put one copy of the new Tollard aside for me? I will come on Saturday, after the market.`,
      shop(`Reserved, behind the till, name on it.`),
      `I was told it was sold to a Judith. I am Judith.`,
      shop(`You are the second Judith, and we are mortified. Another copy comes on Monday and we bring it round.`),
      `It came with a cake! All is forgiven, by both Judiths.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Ludo Vance', 'ludo@vance-tailors.example'],
    subject: 'Lost umbrella in the poetry corner',
    days: 6.6,
    turns: [
      `Did anybody find a black umbrella near Poetry, last Thursday?`,
      shop(`We found eleven. What does yours look like when it is sad?`),
      `Duck handle, one broken rib.`,
      shop(`The duck is here and asks after you.`),
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Thea Norgaard', 'thea.norgaard@inbox.example'],
    subject: 'Do you ship to lighthouses?',
    days: 5.0,
    turns: [
      `I start as assistant keeper next month. Do you ship to lighthouses?`,
      shop(`We do, with the supply boat, every second Wednesday.`),
      `Then I take twelve long novels and one short one, for emergencies.`,
      shop(`Packed in oilcloth. Good watch!`),
      `Arrived dry. I am on the short one already; it was that kind of week.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'de',
    who: ['Heiko Brandt', 'heiko.brandt@nordwest.example'],
    subject: 'Lesezeichen vergessen?',
    days: 4.7,
    turns: [
      `Moin, in der Werbung stand: ein Lesezeichen gratis. Im Paket war keins. Ich benutze jetzt die Rechnung.`,
      shop(`Moin! Drei Lesezeichen sind in der Post. Die Rechnung bitte trotzdem bezahlen.`),
      `Bezahlt und eingelegt. Danke!`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Marguerite Poole', 'marguerite@poole-gardens.example'],
    subject: 'Gift wrap without ribbon?',
    days: 3.9,
    turns: [
      `Can order 20784 be wrapped without ribbon? My nephew's ferret eats ribbon.`,
      shop(`String, then? Or does he eat string?`),
      `String is fine. He is a snob.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Anselm Okoro', 'anselm.okoro@goldline.example'],
    subject: 'Loyalty points gone after update',
    days: 3.0,
    turns: [
      `I had 412 points. Now I have minus three. What did I do?`,
      ben(`Hello Anselm,

nothing at all: our update did. You have 412 again, and 3 more for the fright.

Ben`),
      `415 and calm again. Thank you.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'fr',
    who: ['Baptiste Morel', 'baptiste.morel@courriel.example'],
    subject: 'Horaires pendant les fêtes',
    days: 2.6,
    turns: [
      `Bonjour, serez-vous ouverts le 24 ? J’achète toujours mes cadeaux le 24, vers 17 h 45.`,
      shop(`Bonjour Baptiste, nous fermons à 18 h, exprès pour vous.`),
      `Vous êtes formidables. À 17 h 45, donc.`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['The Anchor Inn', 'landlord@anchor-inn.example'],
    subject: 'Quiz night: prize books',
    days: 7.5,
    turns: [
      `Six prize books for the quiz on Friday, please. One should be embarrassing, for the last place.`,
      shop(`Ready: five good ones, and "Know Your Turnip".`),
      `The turnip was fought over. Same again next month, with two turnips?`,
      shop(`Two turnips noted.`),
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Grange Retirement Home', 'activities@grange-home.example'],
    subject: 'Large print, new arrivals',
    days: 4.8,
    turns: [
      `Good morning, what is new in large print? Our readers are through with the murders and would like some romance, or at least better murders.`,
      shop(`Twelve romances and four excellent murders are on the list we sent by post.`),
      `We take all sixteen. Room 9 asks for a bolder cover on the romances.`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'es',
    who: ['Biblioteca del Puerto', 'compras@biblioteca-puerto.example'],
    subject: 'Factura proforma',
    days: 4.0,
    turns: [
      `Buenos días, ¿nos pueden enviar la factura proforma del lote de cuentos? La señora de contabilidad no lee cuentos sin factura.`,
      shop(`Enviada esta mañana, con dibujos en el margen.`),
      `Recibida y enmarcada. Gracias.`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Signal Hill Radio', 'culture@signalhill-radio.example'],
    subject: 'Book of the month, live on air?',
    days: 2.4,
    turns: [
      `Would one of you like to recommend a book on air, every first Monday, 07:50? It pays in coffee.`,
      ben(`I would! Is it the good coffee or the canteen's?

Ben`),
      `It is the canteen's, but we look away while you bring your own.`,
    ],
    assignee: 'ben',
    next: `Monday, 07:50, then. Please speak slowly; the listeners are shaving.`,
  },
  {
    box: 'sales',
    language: 'it',
    who: ['Libreria Acqua Granda', 'ordini@acquagranda.example'],
    subject: 'Sconto per scambio vetrine',
    days: 3.7,
    turns: [
      `Cari colleghi, per una settimana scambiamo le vetrine? Noi mettiamo i vostri fari, voi le nostre gondole.`,
      shop(`Idea bellissima! Da lunedì fari a Venezia.`),
      `I fari hanno venduto il doppio delle gondole. Siamo un po’ offesi.`,
    ],
    done: true,
  },
];
