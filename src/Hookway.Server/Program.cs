using Hookway.Hosting;

return await Commands.Run(args, Console.Out, Console.Error);
