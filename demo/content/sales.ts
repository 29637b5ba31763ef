/** sales@: libraries, schools, publishers, and the people who have a first edition in the attic. */
import { ben, eva, shop, type Talk } from './talk.ts';

export const sales: readonly Talk[] = [
  {
    box: 'sales',
    language: 'en',
    who: ['Northpoint Public Library', 'acquisitions@northpoint-library.example'],
    subject: 'Quote for 120 titles',
    days: 3.4,
    signature: 'Philippa Dunmore\nAcquisitions, Northpoint Public Library',
    cc: ['finance@northpoint-library.example'],
    turns: [
      {
        by: 'customer',
        text: `Dear Harbour Books,

please find attached our list for the winter. Could you quote with your library discount, and say what is in stock? The budget must be spent by the end of the month or it turns into a pumpkin.`,
        files: ['list.csv'],
      },
      eva(
        `Dear Philippa,

the quote is attached: 15 per cent on everything, 20 on the children's list. 104 of 120 titles can go out this week; the rest follows within ten days. No pumpkins.

Eva`,
        ['invoice.pdf'],
      ),
      `Dear Eva,

that is splendid. Finance asks (in copy) whether you could split the invoice into two, one for each side of the ring road. I have stopped asking why.`,
    ],
    assignee: 'eva',
    next: `Two invoices it is. Finance is happy, the pumpkin is safe. Please go ahead and deliver.`,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Augustin Fell', 'augustin@fell-rarebooks.example'],
    subject: 'First edition, 1851, with a bite mark',
    days: 2.1,
    turns: [
      `Good day,

I hold a first English edition of "The Whale", three volumes, one of them gnawed at the corner by (family legend) a sailor. Would you be interested? I would part with it for a serious offer.`,
      eva(`Dear Mr Fell,

we would be very interested indeed. Could you send photographs of the title pages, the spines and, if you would, the bite?

Eva`),
      {
        by: 'customer',
        text: `Photograph attached. The dentist next door says: human, left molar, in a hurry.`,
        files: ['photo.png'],
      },
    ],
    assignee: 'eva',
    starred: true,
    notes: [
      [
        'eva',
        "If the half-titles are there this is worth more than the shop's roof. Do not discuss on the telephone in front of customers.",
      ],
      ['ben', 'We need a roof, too.'],
    ],
    next: `I shall bring it on Monday, in person, in an umbrella stand. It is the only thing it fits in.`,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Marlowe & Daughters Publishing', 'reps@marlowe-daughters.example'],
    subject: 'Spring catalogue and your shelf space',
    days: 5.1,
    turns: [
      {
        by: 'customer',
        text: `Dear Eva, dear Ben,

our spring catalogue is out (PDF attached). We would love to see "Small Boats, Big Weather" face out by the till. There is a counter display in the shape of a boat. It is bigger than we thought.`,
        files: ['invoice.pdf'],
      },
      shop(`How big is "bigger"? Our counter is one metre ten.`),
      `One metre twenty. We could saw off the bow.`,
    ],
    next: `Bow sawn off. It looks like a tugboat now, and our designer has gone for a walk.`,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Ottoline Grey', 'ottoline@grey-weddings.example'],
    subject: '80 poetry books as wedding favours',
    days: 1.4,
    turns: [
      `Hello!

For a wedding on the 12th we need 80 small poetry books, no two the same, nothing about death. Is that possible, and at what price?`,
      ben(`Hello Ottoline,

80 different ones: yes. Nothing about death: that leaves us with 23, of which 9 are about daffodils. Would melancholy be acceptable?

Ben`),
      `The bride accepts melancholy. The groom's mother would like to see the list first.`,
    ],
    assignee: 'ben',
    next: `The list is approved except number 14, which rhymes with the name of an earlier fiancé.`,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Harbourmaster Office', 'office@harbourmaster.example'],
    subject: 'Tide tables 2027, 300 copies',
    days: 6.8,
    turns: [
      `As every year: 300 tide tables, please, delivered to the office. Not in the week of the spring tide, last year the van floated.`,
      shop(`Booked for the 3rd, neap tide, dry van.`),
      `Received. Thank you.`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Ruth Abelman', 'ruth@abelman-consulting.example'],
    subject: 'Corporate order: 45 copies of one business book',
    days: 0.8,
    turns: [
      `Hello,

our managing director has read a book and would like everybody else to have read it too: 45 copies of "The Quiet Leader", please. Do you have a discount for quantities? Would it be possible to have them delivered very noisily?`,
    ],
    unread: true,
    next: `Agreed. He has started a second book. I will be in touch.`,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Edwin Starling', 'edwin.starling@inbox.example'],
    subject: 'My novel (1,140 pages, about moss)',
    days: 2.7,
    turns: [
      `Dear bookseller,

I have published my novel "Bryophyte" myself and would like to place it in your window. It is the first of nine volumes. The window should face north.`,
      eva(`Dear Mr Starling,

congratulations. We take works of local authors on commission, three copies at a time. Our window faces south, I am afraid, but the shelf by the cellar stairs is damp, and I mean this kindly.

Eva`),
      `Damp would be ideal. When may I come?`,
    ],
    notes: [['eva', 'Be nice. He brought cake last time.']],
    next: `Wednesday, then. I will bring the three copies and a mister.`,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Cedar Street Book Club', 'hello@cedarstreet-club.example'],
    subject: 'Next twelve months, 14 copies each',
    days: 4.4,
    turns: [
      {
        by: 'customer',
        text: `Hi both,

the list for next year is attached. It took three meetings, one resignation and a vote. Fourteen copies of each, one delivery a month. Usual discount?`,
        files: ['list.csv'],
      },
      ben(`Hello everybody,

usual discount, first delivery on the 1st. I am sorry about the resignation. Was it about the Russian one?

Ben`),
      `It was about the biscuits. All good, thank you!`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Mo Castellane', 'mo@ferryline.example'],
    subject: 'A rotating stand on the ferry?',
    days: 1.1,
    turns: [
      `Dear Harbour Books,

our passengers spend 85 minutes between the bar and the window. Would you like to put a stand with paperbacks on board? We would take 20 per cent. It must be screwed down; the last stand (sunglasses) went overboard with dignity.`,
    ],
    assignee: 'eva',
    notes: [['li', 'Sales on water count as export? Asking for the report.']],
    next: `Wonderful. Come aboard on Tuesday, bring a tape measure and a strong stomach.`,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Imogen Falk', 'imogen@falk-interiors.example'],
    subject: 'Books by the metre, in blue',
    days: 0.9,
    turns: [
      `Hello, for a show flat we need eleven metres of books, spines in blues and greys, contents not important. What would that cost?`,
    ],
    notes: [['ben', '"Contents not important." I need a moment.']],
    next: `Fine: eleven metres of contents that are important, in blue. You win.`,
  },
  {
    box: 'sales',
    alias: 'orders',
    language: 'en',
    who: ['St Brendan Hospital Shop', 'shop@stbrendan.example'],
    subject: 'Weekly order, week 47',
    days: 1.8,
    turns: [
      {
        by: 'customer',
        text: `Order attached. More crosswords, please, and nothing with a doctor on the cover; they come in and correct it.`,
        files: ['order.csv'],
      },
      ben(`Packed and leaving at two. Twelve crosswords, no doctors.`),
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Wilhelmina Strand', 'mina@strand-films.example'],
    subject: 'May we film in the shop for two days?',
    days: 0.2,
    turns: [
      `Hello Harbour Books,

we shoot a small film in town next month and would love to use the shop for two nights (19:00 to 05:00). We pay a fee, bring our own lights and eat outside. There is one explosion, but it is emotional.`,
    ],
    unread: true,
    next: `Great! The cat would have a line. We can discuss his fee separately.`,
  },
];
