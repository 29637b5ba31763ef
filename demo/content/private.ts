/** eva@: the owner's own mailbox. It is nobody else's business, and the other two cannot see that it exists. */
import { eva, shop, type Talk } from './talk.ts';

export const personal: readonly Talk[] = [
  {
    box: 'eva',
    language: 'en',
    who: ['Bernard Achebe', 'bernard@achebe-accounts.example'],
    subject: 'Quarterly figures: one question about "cat, misc."',
    days: 2.0,
    signature: 'Bernard Achebe\nAchebe & Partner, Accountants',
    turns: [
      {
        by: 'customer',
        text: `Dear Eva,

the quarter looks good (sheet attached). One question: there is a position "cat, misc." of 214.60. Is Melville staff, stock or furniture?`,
        files: ['list.csv'],
      },
      eva(`Dear Bernard,

security. He is on nights.

Eva`),
      `Noted under "external services". He will need to sign something.`,
    ],
    done: true,
    next: `The paw print has been filed. Thank you, Eva.`,
  },
  {
    box: 'eva',
    language: 'de',
    who: ['Mama', 'gerda.lindner@briefkasten.example'],
    subject: 'Sonntag',
    days: 0.9,
    turns: [
      `Liebe Eva,

kommst du am Sonntag zum Essen? Es gibt Rouladen. Papa hat das Regal repariert, es hängt jetzt schief, aber fest. Bring bitte wieder so einen Krimi mit, in dem der Kommissar gut isst.

Deine Mama`,
    ],
    unread: true,
    next: `Schön, um zwölf also. Papa stellt schon die Wasserwaage weg.`,
  },
  {
    box: 'eva',
    language: 'en',
    who: ['Quayside Properties', 'lettings@quayside-properties.example'],
    subject: 'Rent review, 4 Lower Quay',
    days: 4.6,
    turns: [
      `Dear Ms Lindner,

the review of your rent falls due in January. We propose an increase of 6 per cent. As a gesture we will look at the cellar, which we understand is tidal.`,
      shop(`Dear all, I propose 3 per cent and that you look at the cellar at high water, in your good shoes.`),
      `Dear Ms Lindner, 3 per cent is agreed. The shoes have been written off.`,
    ],
    done: true,
  },
  {
    box: 'eva',
    language: 'fr',
    who: ['Camille Roussel', 'camille.roussel@courriel.example'],
    subject: 'Salon du livre : on partage un stand ?',
    days: 1.4,
    turns: [
      `Chère Eva,

le stand à deux coûte presque moitié prix, et tu es la seule libraire avec qui je supporterais trois jours de moquette. Qu’en dis-tu ?

Camille`,
      eva(`Chère Camille,

oui, mille fois. J’apporte le café, tu apportes les chaises.

Eva`),
      `Marché conclu. J’apporte aussi des semelles.`,
    ],
    starred: true,
    next: `Stand C42, à côté des bandes dessinées. Nous aurons du bruit et du monde !`,
  },
  {
    box: 'eva',
    language: 'en',
    who: ['Dr Lim, Veterinary Practice', 'practice@drlim-vets.example'],
    subject: 'Melville: annual check-up is due',
    days: 0.3,
    turns: [
      `Dear Eva,

Melville is due for his annual check-up. Last year's gloves did not survive; we have bought new ones. Would Tuesday at nine suit him?

Dr Lim`,
    ],
    next: `Tuesday it is. We have told the gloves.`,
  },
];
